#!/usr/bin/env python3
"""OEM Fleet from a terminal or a script, over its REST API.

Needs Python 3.11, click and requests. The server is OEMFLEET_URL, the token OEMFLEET_TOKEN or the
content of OEMFLEET_TOKEN_FILE (~/.config/oemfleet/token), which nobody else may read.

Exit codes: 0 done, 1 refused, 2 wrong usage, 3 not found, 4 not allowed, 5 cannot reach the
server, 6 changed by somebody else meanwhile.
"""

import sys

import click

from terminal import (
    about,
    advisories,
    channels,
    components,
    demo,
    groups,
    mirror,
    nodes,
    oems,
    releases,
    upstreams,
    watching,
)
from terminal.shell import Shell

COMMANDS = (
    about.me,
    about.overview,
    about.version,
    advisories.advisories,
    channels.channels,
    channels.dead_ends,
    channels.floors,
    channels.paths,
    components.components,
    demo.demo,
    groups.groups,
    mirror.mirror,
    nodes.explain,
    nodes.hold,
    nodes.label,
    nodes.move,
    nodes.nodes,
    nodes.release,
    nodes.retry,
    oems.drift,
    oems.oem,
    releases.releases,
    upstreams.proposals,
    upstreams.syncs,
    upstreams.upstreams,
    watching.activity,
    watching.export,
    watching.follow,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, help=__doc__)
@click.option("--url", envvar="OEMFLEET_URL", help="The server.")
@click.option("--timeout", "seconds", default=30.0, show_default=True, help="Seconds to wait.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")
@click.pass_context
def main(context: click.Context, url: str, seconds: float, *, as_json: bool) -> None:
    """Begin."""
    context.obj = Shell(url or "", seconds, as_json=as_json)


for command in COMMANDS:
    main.add_command(command)


def run() -> None:
    """Do what the arguments say."""
    try:
        main()
    except BrokenPipeError:  # somebody had read enough
        sys.stdout = None


if __name__ == "__main__":
    run()
