"""What holds for every page: who may see it, who may change what, and how much it asks."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from oemupdates.dashboard import urls
from oemupdates.domain.access import Role
from oemupdates.models import (
    Component,
    ComponentPoll,
    ComponentWant,
    DeadEnd,
    Floor,
    Node,
    Operator,
    RejectedRequest,
    VersionInterval,
)
from tests.api.component_maker import make_component, make_row
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import (
    make_activity,
    make_node,
    make_release,
    seeded_channel,
    seeded_group,
)

HOSTILE = "\"><script>alert('x')</script>{{ 7|add:7 }}{% now %}"
PUBLIC = {"livez", "readyz", "login", "login_with", "login_came_back"}
# Each verb, and the permission that it takes.
VERBS = {
    "node_hold": Role.OPERATOR,
    "node_label": Role.OPERATOR,
    "node_unlabel": Role.OPERATOR,
    "node_move": Role.OPERATOR,
    "node_move_back": Role.OPERATOR,
    "node_release": Role.OPERATOR,
    "node_rename": Role.OPERATOR,
    "node_archive": Role.OPERATOR,
    "node_unarchive": Role.OPERATOR,
    "node_retry": Role.OPERATOR,
    "group_updates": Role.OPERATOR,
    "group_want": Role.OPERATOR,
    "group_unwant": Role.OPERATOR,
    "component_upload": Role.APPROVER,
    "component_image_put_back": Role.APPROVER,
    "component_image_withdraw": Role.APPROVER,
    "component_remove": Role.APPROVER,
    "channel_create": Role.APPROVER,
    "channel_rename": Role.APPROVER,
    "channel_delete": Role.APPROVER,
    "channel_target": Role.APPROVER,
    "floor_add": Role.APPROVER,
    "floor_remove": Role.APPROVER,
    "dead_end_add": Role.APPROVER,
    "dead_end_remove": Role.APPROVER,
    "release_block": Role.APPROVER,
    "release_unblock": Role.APPROVER,
    "release_remove": Role.APPROVER,
    "release_forget_origin": Role.APPROVER,
    "release_payload_add": Role.APPROVER,
    "release_verify": Role.ADMIN,
    "release_disk_collect": Role.APPROVER,
}
READ = [
    "overview",
    "overview_now",
    "bell",
    "start_arrived",
    "nodes",
    "node",
    "oem",
    "components",
    "component",
    "groups",
    "group",
    "group_now",
    "group_arrived",
    "group_components",
    "wallboard",
    "wallboard_now",
    "channels",
    "channel",
    "channel_move",
    "releases",
    "release",
    "release_compare",
    "release_disk",
    "release_notes",
    "release_packages",
    "rejected",
    "activity",
    "activity_newest",
    "palette",
    "paths",
    "security",
]
# What test_node_lists.py is about: exports, columns, views and changes of many nodes.
NODE_LISTS = {
    "nodes_export",
    "node_columns",
    "views",
    "view_save",
    "view_edit",
    "view_delete",
    "bulk_plan",
    "bulk_start",
    "bulk",
    "bulk_undo",
    "bulk_stop",
}
# The style guide is shown by development servers alone.
DEMO = {"demo_load", "demo_now", "demo_remove"}
# What the tests of policies, badges and the wallboard are about: forms of their own, and
# what a secret in the address opens to those without a log-in.
GROUPS = {
    "group_create",
    "group_edit",
    "group_delete",
    "group_badge",
    "group_butane",
    "group_ignition",
    "group_badge_revoke",
    "badge",
    "wallboard_links",
    "wallboard_revoke",
    "wallboard_shared",
    "wallboard_shared_now",
}
# What test_upstreams.py is about.
UPSTREAMS = {
    "release_upstreams",
    "release_upstream",
    "release_upstream_add",
    "release_upstream_edit",
    "release_upstream_remove",
    "release_upstream_import",
    "release_upstream_follow",
    "release_upstream_active",
    "release_unfollow",
    "release_sync_now",
    "release_sync_cancel",
    "release_proposal_accept",
    "release_proposal_dismiss",
}
# What test_oem_catalogue.py is about.
OEMS = {"oem_add", "oem_change", "oem_remove", "oem_proposal_accept", "oem_proposal_dismiss"}
# What test_bundles.py is about.
BUNDLES = {
    "release_bundles",
    "release_bundle_import",
    "release_bundle_export",
    "release_bundle_upload",
}
# What test_factors.py and test_sessions.py are about.
OWN_ACCOUNT = {
    "factors",
    "factor_app",
    "factor_passkey",
    "factor_codes",
    "factor_remove",
    "login_second",
    "sessions",
    "session_end",
    "sessions_end",
}
# What test_security.py is about.
SECURITY = {"security_add", "security_advisory", "security_remove"}
OTHERS = {
    *SECURITY,
    *BUNDLES,
    *OWN_ACCOUNT,
    "logout",
    "password",
    "prefer",
    "style",
    "activity_export",
    "node_carry",
    "release_carry",
    *DEMO,
    *GROUPS,
    *NODE_LISTS,
    *OEMS,
    *UPSTREAMS,
}


@pytest.fixture
def address(db: None) -> Callable[[str], str]:
    """The address of a page or a verb, with rows behind it."""
    now = timezone.now()
    node = make_node(alias=HOSTILE, oem=HOSTILE[:64], version="4459.2.1", last_seen_at=now)
    VersionInterval.objects.create(node=node, version="4459.2.1", started_at=now)
    channel, release = seeded_channel(), make_release()
    floor = Floor.objects.create(channel=channel, release=release, reason=HOSTILE)
    dead_end = DeadEnd.objects.create(channel=channel, version="3510.2.0", reason=HOSTILE)
    RejectedRequest.objects.create(
        day=now.date(),
        reason="malformed_xml",
        source="192.0.2.1",
        times=1,
        first_at=now,
        last_at=now,
        detail=HOSTILE,
        sample=HOSTILE,
    )
    make_activity(
        at=now,
        verb="node.held",
        subject_kind="node",
        subject_id=node.pk,
        subject=HOSTILE,
        after={HOSTILE: HOSTILE},
        why=HOSTILE,
    )
    keys = {"node": node.pk, "group": seeded_group().pk, "channel": channel.pk}
    keys |= {"release": release.pk, "floor": channel.pk, "dead": channel.pk}
    component = make_component("tool", "1.0.0")
    image = make_row(component, "0.9.0")
    component.images.filter(pk=image.pk).update(withdrawn_at=now, withdrawn_because=HOSTILE)
    ComponentWant.objects.create(group=seeded_group(), component=component)
    ComponentPoll.objects.create(
        node=node, component=component, polled_at=now, boot_id="b", os_version="4593.2.1"
    )
    keys |= {"component": component.name}
    last = {"floor_remove": floor.pk, "dead_end_remove": dead_end.pk}

    def find(name: str) -> str:
        try:
            return reverse(f"dashboard:{name}")
        except NoReverseMatch:
            key = image.pk if "image" in name else keys[name.partition("_")[0]]
            args = [key, *([last[name]] if name in last else [])]
            return reverse(f"dashboard:{name}", args=args)

    return find


def test_every_address_is_known_here() -> None:
    # Admin has tests of its own, a file a page, and the matrix of tests/access walks all of it.
    named = {str(pattern.name) for pattern in urls.urlpatterns}
    names = {name for name in named if not name.startswith(("admin", "token"))}
    assert names == PUBLIC | OTHERS | set(READ) | set(VERBS)


@pytest.mark.parametrize("name", [*READ, *VERBS, "password"])
def test_nothing_is_shown_or_done_without_a_log_in(
    name: str, address: Callable[[str], str]
) -> None:
    client = Client()
    answer = client.post(address(name)) if name in VERBS else client.get(address(name))
    assert answer.status_code == 302
    assert answer["location"].startswith("/login/")


@pytest.mark.parametrize("name", sorted(set(READ) - {"rejected"}))
def test_a_viewer_reads_the_fleet_and_is_offered_no_verb(
    name: str, address: Callable[[str], str], viewer: Operator
) -> None:
    answer = log_in(viewer).get(address(name))
    assert answer.status_code == 200
    content = answer.content.decode().partition("<main")[2]
    assert '<form method="post"' not in content


@pytest.mark.parametrize("name", READ)
def test_strangers_text_is_shown_as_text(
    name: str, address: Callable[[str], str], page: Client
) -> None:
    html = page.get(address(name)).content.decode()
    assert "<script>alert" not in html


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_takes_its_role(name: str, address: Callable[[str], str], viewer: Operator) -> None:
    where = address(name)
    assert log_in(viewer).post(where).status_code == 403
    assert log_in(permit(viewer, VERBS[name])).post(where).status_code in {302, 400}


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_no_link(name: str, address: Callable[[str], str], page: Client) -> None:
    assert page.get(address(name)).status_code == 405


def test_a_verb_from_another_site_is_refused(
    address: Callable[[str], str], admin: Operator
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    answer = client.post(address("node_hold"), {"because": "no token"})
    assert answer.status_code == 403
    assert not Node.objects.filter(is_held=True).exists()


@pytest.mark.parametrize(
    "path",
    [
        "/nodes/999/",
        "/groups/999/",
        "/channels/999/",
        "/releases/999/",
        "/components/none/",
        "/components/%00/",
        "/nowhere/",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(path: str, page: Client) -> None:
    answer = page.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_a_form_that_is_none_of_ours_is_a_page_that_says_so(page: Client) -> None:
    answer = page.post("/login/", {f"field-{number}": "" for number in range(1100)})
    assert answer.status_code == 400
    assert "This request cannot be understood" in answer.content.decode()


def test_a_key_beyond_every_database_is_not_there(page: Client) -> None:
    assert page.get(f"/nodes/{10**30}/").status_code == 404


@pytest.mark.parametrize("name", READ)
def test_asks_no_more_of_many_rows_than_of_few(
    name: str, address: Callable[[str], str], page: Client
) -> None:
    where = address(name)
    channel = seeded_channel()
    channel.target = make_release("4593.2.99")
    channel.save()
    page.get(where)  # content types and the like are asked for once a process
    with CaptureQueriesContext(connection) as few:
        assert page.get(where).status_code == 200
    now = timezone.now()
    for number in range(20):
        node = make_node(
            oem=f"oem{number}", version=f"4459.2.{number}", last_seen_at=now, alias=f"n{number}"
        )
        VersionInterval.objects.create(
            node_id=Node.objects.earliest("pk").pk,
            version=node.version,
            started_at=now - timedelta(days=number + 1),
            ended_at=now,
        )
        release = make_release(f"4593.3.{number}")
        component = make_component(f"tool{number}", "1.0.0", "1.1.0")
        ComponentWant.objects.create(group=seeded_group(), component=component)
        ComponentPoll.objects.create(
            node=Node.objects.earliest("pk"),
            component=component,
            polled_at=now,
            boot_id="b",
            os_version="4593.2.1",
        )
        make_row(Component.objects.get(name="tool"), f"1.1.{number}")
        Floor.objects.create(channel=channel, release=release, reason="many")
        channel.target = release
        channel.save()
    page.get(where)  # a counter's texts are read once a process too
    with CaptureQueriesContext(connection) as many:
        assert page.get(where).status_code == 200
    assert len(many) <= len(few)
    # A node is measured against its report, the catalogue and two releases; and it has tools and
    # components, which its group wants or it asked for.
    assert len(many) <= (34 if name == "node" else 26)


@pytest.mark.parametrize("name", READ)
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(
    name: str, address: Callable[[str], str], page: Client
) -> None:
    answer = page.get(address(name))
    html = answer.content.decode()
    assert " style=" not in html
    assert "<style" not in html
    assert " onclick=" not in html
    assert 'src="http' not in html
    assert "default-src 'none'" in answer["content-security-policy"]
