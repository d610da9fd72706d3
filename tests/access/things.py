"""What stands in addresses: a thing of every kind."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.urls import reverse
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.provider import Kind, Provider
from oemupdates.models import (
    BulkChange,
    BundleImport,
    DeadEnd,
    Floor,
    Group,
    Oem,
    OemProposal,
    Operator,
    RoleGrant,
    SavedView,
    Webhook,
    WebhookDelivery,
)
from oemupdates.services.access import share_links, update_secrets
from oemupdates.services.components import component_wants
from oemupdates.services.groups import channels
from oemupdates.services.sync import proposals, sync_runs, upstreams
from tests.access.actors import Actor, first
from tests.access.routes import Route
from tests.api.component_maker import make_component
from tests.services.makers import (
    last_activity,
    make_advisory,
    make_node,
    make_release,
    make_token,
    seeded_channel,
    seeded_group,
)

GITHUB = Provider(
    id="github",
    name="GitHub",
    kind=Kind.GITHUB,
    address="https://github.example.net",
    client_id="oem-fleet",
    secret="",
    roles={"example": ("viewer",)},
)


def everything() -> dict[str, Any]:
    """What stands in addresses: by `route.argument`, or by the argument alone."""
    group: Group = seeded_group("stable")
    channel = seeded_channel("stable")
    release = make_release("4593.2.1")
    now = timezone.now()
    badge = share_links.make_badge(group, by=None, now=now)
    wall = share_links.make_wallboard("Kitchen", group=group, by=None, now=now)
    channels.add_floor(channel, release, by=None, because="Migrates the OEM")
    channels.add_dead_end(channel, "3510.2.0", by=None, because="Reads no new payloads")
    component = make_component("tool", "1.0")
    component_wants.want(group, component, by=None)
    user = Operator.objects.create_user("thing")
    script = Operator.objects.create_user("script", is_service_account=True)
    webhook = Webhook.objects.create(
        name="hook", url="https://hooks.example.net/", active_since=now, made_at=now
    )
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, event_id="1", kind="test", body={}, made_at=now, next_try_at=now
    )
    upstream = upstreams.add(upstreams.Terms("flatcar", "public"), by=None)
    subscription = upstreams.subscribe(upstream, channel, by=None)
    proposal = proposals.propose(upstream, channel, release, [])
    assert proposal is not None
    return {
        "upstream": upstream.pk,
        "bundle": BundleImport.objects.create(
            name="b.tar", path="/b.tar", is_upload=True, size=1, asked_at=now
        ).pk,
        "api:bundle_upload.name": "b.tar",
        "api:release_payload.name": "oem-azure.gz",
        "component": component.name,
        "version": "1.0",
        "architecture": "amd64",
        "file": "tool-1.0-x86-64.raw",
        "advisory": (hole := make_advisory(own=True)).pk,
        "security": hole.pk,
        "oem": Oem.objects.filter(oem_id="azure").values_list("pk", flat=True).get(),
        "oem_proposal": OemProposal.objects.create(
            oem_id="acme",
            is_new=True,
            changes={"alpha_since": "4593.2.1"},
            first_version="4593.2.1",
            last_version="4593.2.1",
            made_at=now,
        ).pk,
        "subscription": subscription.pk,
        "run": (run := sync_runs.ask(upstream, channel, by=None)).pk,
        "sync": run.pk,
        "proposal": proposal.pk,
        "node": make_node(group=group).pk,
        "group": group.pk,
        "channel": channel.pk,
        "release": release.pk,
        "dashboard:component_image_put_back.pk": component.images.get().pk,
        "dashboard:component_image_withdraw.pk": component.images.get().pk,
        "floor": Floor.objects.get().pk,
        "dead_end": DeadEnd.objects.get().pk,
        "dashboard:floor_add.pk": channel.pk,
        "dashboard:floor_remove.pk": channel.pk,
        "dashboard:dead_end_add.pk": channel.pk,
        "dashboard:dead_end_remove.pk": channel.pk,
        "view": SavedView.objects.create(owner=first(), name="all", is_shared=True).pk,
        "session": own_session,
        "factor": own_factor,
        "api:token.pk": own_token,
        "api:token_revoke.pk": own_token,
        "bulk": own_change,
        "api:bulk_change.pk": own_change,
        "api:bulk_stop.pk": own_change,
        "api:bulk_undo.pk": own_change,
        "api:activity.pk": last_activity().pk,
        "api:view.pk": own_view,
        "api:floors.pk": channel.pk,
        "api:floor.pk": channel.pk,
        "api:dead_ends.pk": channel.pk,
        "api:dead_end.pk": channel.pk,
        "api:packages.app": str(release.application.uuid),
        "api:payloads.pk": release.pk,
        "api:problem.name": "not-found",
        "user": user.pk,
        "dashboard:admin_role_give.pk": user.pk,
        "dashboard:admin_role_take.pk": user.pk,
        "grant": RoleGrant.objects.create(operator=user, role=Role.VIEWER).pk,
        "dashboard:admin_token_make.pk": script.pk,
        "token": make_token(script).pk,
        "dashboard:admin_retention_change.kind": "history",
        "dashboard:login_with.key": GITHUB.id,
        "dashboard:login_came_back.key": GITHUB.id,
        "secret": update_secrets.create("all", by=user).secret.pk,
        "webhook": webhook.pk,
        "delivery": delivery.pk,
        "api:delivery_replay.pk": webhook.pk,
        "dashboard:badge.secret": share_links.secret_of(badge),
        "dashboard:wallboard_shared.secret": share_links.secret_of(wall),
        "dashboard:wallboard_shared_now.secret": share_links.secret_of(wall),
        "dashboard:wallboard_revoke.pk": wall.pk,
        "wallboard": wall.pk,
        "api:deliveries.pk": webhook.pk,
    }


def own_token(one: Actor) -> int:
    """A token of whoever asks; the first one's for a stranger."""
    return make_token(one.operator or first()).pk


def own_session(one: Actor) -> int:
    """A session of whoever asks, in another browser."""
    who = one.operator or first()
    rows = UserSession.objects.filter(user=who)
    row = rows.first() or UserSession.objects.create(
        user=who, ip="192.0.2.1", session_key=f"elsewhere-{who.pk}"
    )
    return int(row.pk)


def own_factor(one: Actor) -> int:
    """An authenticator app of whoever asks."""
    who = one.operator or first()
    row, _ = Authenticator.objects.get_or_create(user=who, type="totp", defaults={"data": {}})
    return int(row.pk)


def own_change(one: Actor) -> int:
    """A change of many nodes that whoever asks began."""
    by = one.operator or first()
    return BulkChange.objects.create(by=by, verb="hold", created_at=timezone.now()).pk


def own_view(one: Actor) -> int:
    """A saved view of whoever asks."""
    return SavedView.objects.get_or_create(owner=one.operator or first(), name="own")[0].pk


def address(route: Route, things: dict[str, Any], one: Actor) -> str:
    """A route's address, with things that exist."""
    found = {name: thing(route, name, things) for name in route.arguments}
    kwargs = {name: made(one) if callable(made) else made for name, made in found.items()}
    return reverse(route.name, kwargs=kwargs)


def thing(route: Route, argument: str, things: dict[str, Any]) -> Any:
    """What stands for an argument: said for the route, or the kind that its name begins with."""
    said = things.get(f"{route.name}.{argument}") or things.get(argument)
    if said is not None:
        return said
    kind = route.name.partition(":")[2].removeprefix("admin_").partition("_")[0]
    assert kind in things, f"say in things() what {argument} of {route.name} is"
    return things[kind]
