#!/usr/bin/env bash
# The beacon and the report as a systemd-sysext, in the layout of Flatcar's sysext-bakery, which
# sources this file and calls the two functions. By itself: `create.sh FOLDER`, then pack FOLDER.
# They are shell scripts: one image fits every architecture and every OS version (ID=_any).

export RELOAD_SERVICES_ON_MERGE="true"

function list_available_versions() {
    echo 1
}

function populate_sysext_root() {
    local root=$1 here unit units=$1/usr/lib/systemd/system
    here=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
    install -d -- "$root/usr/lib/oem-fleet" "$units/multi-user.target.d" \
        "$root/usr/lib/extension-release.d"
    install -m 0755 -t "$root/usr/lib/oem-fleet" -- "$here/beacon" "$here/report"
    for unit in oem-fleet-{beacon,report}.{service,timer}; do
        sed 's,^ExecStart=/opt/,ExecStart=/usr/lib/,' "$here/$unit" >"$units/$unit"
    done
    printf '[Unit]\nUpholds=oem-fleet-beacon.timer oem-fleet-report.timer\n' \
        >"$units/multi-user.target.d/10-oem-fleet.conf"
    printf 'ID=_any\n' >"$root/usr/lib/extension-release.d/extension-release.oem-fleet"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -euo pipefail
    populate_sysext_root "${1:?usage: create.sh FOLDER}"
fi
