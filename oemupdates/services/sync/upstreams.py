"""What operators do to upstreams: add, change, switch, remove, and let channels follow them."""

import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from oemupdates.domain import address
from oemupdates.models import Channel, Operator, Subscription, Upstream
from oemupdates.services.shared import activity

Kind, Policy = Upstream.Kind, Upstream.Policy
_MAX_NAME, _MAX_URL, _MAX_INTERVAL = 64, 500, 7 * 24 * 60
_PUBLIC = {
    "address": "https://public.update.flatcar-linux.net/v1/update/",
    "release_server": "https://update.release.flatcar-linux.net",
    "images_server": "https://{channel}.release.flatcar-linux.net",
    "feed": "https://www.flatcar.org/releases-json/releases-{channel}.json",
}
_ADDRESSES = ("address", "release_server", "images_server", "feed")


class CannotKeep(activity.Refused):
    """The terms of an upstream are none that could work, or its name is taken."""


class CannotSubscribe(activity.Refused):
    """The channel cannot get its releases from there, or does already."""


class CannotUnsubscribe(activity.Refused):
    """The channel does not get its releases from there."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How an upstream is reached and how far it is believed.

    What is empty is filled in where the kind of the upstream says it.
    """

    name: str
    kind: str
    address: str = ""
    release_server: str = ""
    images_server: str = ""
    feed: str = ""
    ca_file: str = ""
    proxy: str = ""
    policy: str = Policy.PROPOSE
    needs_signature: bool = True
    needs_inside: bool = False
    interval_minutes: int = 60


def add(terms: Terms, *, by: Operator | None) -> Upstream:
    """Know another server from now on; nothing is asked of it before a channel follows it."""
    checked = _checked(terms)
    with transaction.atomic():
        if Upstream.objects.filter(name=checked.name).exists():
            raise CannotKeep(f"There is an upstream {checked.name} already.")
        upstream = Upstream.objects.create(**asdict(checked))
        activity.record(verb="upstream.added", subject=upstream, by=by, after=_told(checked))
    return upstream


def edit(upstream: Upstream, terms: Terms, *, by: Operator | None, why: str = "") -> Upstream:
    """Reach an upstream otherwise; what did not change is not written down."""
    checked = _checked(terms)
    with transaction.atomic():
        row = Upstream.objects.select_for_update().get(pk=upstream.pk)
        if Upstream.objects.filter(name=checked.name).exclude(pk=row.pk).exists():
            raise CannotKeep(f"There is an upstream {checked.name} already.")
        if not checked.address and row.subscriptions.exists():
            raise CannotKeep(f"Channels follow {row}, and it must answer what they have.")
        before, after = _told(_terms(row)), _told(checked)
        changed = [name for name in after if after[name] != before[name]]
        if not changed:
            return row
        for name in changed:
            setattr(row, name, after[name])
        row.save(update_fields=changed)
        activity.record(
            verb="upstream.edited",
            subject=row,
            by=by,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
            why=why,
        )
    return row


def switch(upstream: Upstream, *, on: bool, by: Operator | None, why: str = "") -> Upstream:
    """Ask an upstream for releases, or leave it alone; as it is already changes nothing."""
    with transaction.atomic():
        if Upstream.objects.filter(pk=upstream.pk, is_enabled=not on).update(is_enabled=on):
            verb = "upstream.switched_on" if on else "upstream.switched_off"
            activity.record(verb=verb, subject=upstream, by=by, why=why)
    return Upstream.objects.get(pk=upstream.pk)


def remove(upstream: Upstream, *, by: Operator | None, why: str = "") -> None:
    """Forget an upstream with its runs and proposals; releases that came from it stay."""
    with transaction.atomic():
        row = Upstream.objects.select_for_update().filter(pk=upstream.pk).first()
        if row is None:
            raise CannotKeep("Someone else removed this upstream just now.")
        told, key = _told(_terms(row)), row.pk
        row.delete()
        row.pk = key
        activity.record(verb="upstream.removed", subject=row, by=by, before=told, why=why)


def subscribe(
    upstream: Upstream, channel: Channel, *, track: str = "", by: Operator | None
) -> Subscription:
    """Let a channel get its releases from an upstream's track, which has its name by default."""
    if not upstream.address:
        raise CannotSubscribe(
            f"{upstream} does not say what a channel has: fetch its releases by their numbers."
        )
    track = activity.wording(track, what="The track", most=_MAX_NAME) or channel.name
    with transaction.atomic():
        subscription, is_new = Subscription.objects.get_or_create(
            upstream=upstream,
            channel=channel,
            defaults={
                "track": track,
                "appid": channel.application.uuid,
                "next_run_at": timezone.now(),
            },
        )
        if not is_new:
            raise CannotSubscribe(f"{channel} gets its releases from {upstream} already.")
        activity.record(
            verb="upstream.subscribed",
            subject=upstream,
            by=by,
            after={"channel": str(channel), "track": track},
        )
    return subscription


def unsubscribe(upstream: Upstream, channel: Channel, *, by: Operator | None) -> None:
    """Let a channel get no more releases from an upstream; what it has stays."""
    with transaction.atomic():
        gone, _ = Subscription.objects.filter(upstream=upstream, channel=channel).delete()
        if not gone:
            raise CannotUnsubscribe(f"{channel} does not get its releases from {upstream}.")
        activity.record(
            verb="upstream.unsubscribed",
            subject=upstream,
            by=by,
            before={"channel": str(channel)},
        )


def _checked(terms: Terms) -> Terms:
    """The terms with what goes without saying; `CannotKeep` if they cannot work."""
    name = activity.wording(terms.name, what="The name", most=_MAX_NAME)
    if not name:
        raise CannotKeep("An upstream needs a name.")
    if terms.kind not in Kind.values:
        raise CannotKeep(f"{terms.kind!r} is no kind of server; say {', '.join(Kind.values)}.")
    if terms.policy not in Policy.values:
        raise CannotKeep(f"{terms.policy!r} is no policy; say {', '.join(Policy.values)}.")
    if not 0 < terms.interval_minutes <= _MAX_INTERVAL:
        raise CannotKeep("The interval is a minute at least and a week at most.")
    addresses = {field: getattr(terms, field).strip() for field in _ADDRESSES}
    addresses = {field: url or _default(terms, field) for field, url in addresses.items()}
    _check_kind(terms.kind, addresses)
    for field, url in addresses.items():
        _check_url(url, may_vary=field in {"images_server", "feed"})
    _check_url(terms.proxy)
    _check_authorities(terms.ca_file)
    return Terms(**{**asdict(terms), **addresses, "name": name})


def _check_kind(kind: str, addresses: dict[str, str]) -> None:
    if kind != Kind.FILES:
        if not addresses["address"]:
            raise CannotKeep("An upstream needs the address at which it answers Omaha requests.")
    elif addresses["address"]:
        raise CannotKeep(
            "A release server alone answers no Omaha requests: leave that address out."
        )
    elif not addresses["release_server"]:
        raise CannotKeep("A release server needs the address of its files.")


def _default(terms: Terms, field: str) -> str:
    if terms.kind == Kind.PUBLIC and not terms.address:
        return _PUBLIC[field]
    if terms.kind == Kind.FLEET and field == "release_server" and terms.address:
        parts = urlsplit(terms.address)
        return f"{parts.scheme}://{parts.netloc}/payloads"
    return ""


def _check_url(url: str, *, may_vary: bool = False) -> None:
    """Refuse what is no address, or holds a secret, which everybody could read here."""
    if not url:
        return
    try:
        parts = address.read(url.replace("{channel}", "stable") if may_vary else url)
    except address.BadAddress as error:
        raise CannotKeep(str(error)) from error
    if not url.isascii() or "{" in parts.geturl() or len(url) > _MAX_URL:
        raise CannotKeep(f"{url[:100]!r} is no http or https address.")


def _check_authorities(path: str) -> None:
    """Refuse a file by which no server could be trusted."""
    if not path:
        return
    if not Path(path).is_file():
        raise CannotKeep(f"There is no file {path} on this server.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:
        raise CannotKeep(
            f"{path} holds no certificate in PEM that this server can read."
        ) from None


def _terms(row: Upstream) -> Terms:
    return Terms(**{name: getattr(row, name) for name in Terms.__dataclass_fields__})


def _told(terms: Terms) -> dict[str, activity.Value]:
    return {name: value for name, value in asdict(terms).items()}  # noqa: C416 - its type
