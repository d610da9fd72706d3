import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.models import Operator
from oemupdates.services import groups, nodes
from tests.services.makers import make_activity, make_node, seeded_group


def text(page: Client, query: str = "") -> str:
    return " ".join(page.get(f"/activity/{query}").content.decode().split())


def test_says_who_did_what_to_what_with_before_after_and_why(
    page: Client, admin: Operator
) -> None:
    group = seeded_group()
    groups.edit(group, by=admin, max_under_way=20, why="carefully")
    html = text(page)
    assert f'<b>admin</b> changed group <a href="/groups/{group.pk}/">stable (amd64)</a>' in html
    assert 'max under way: <span class="before">nothing</span> → <b>20</b>' in html
    assert "“carefully”" in html


def test_many_values_are_folded(page: Client, admin: Operator) -> None:
    for number in (5, 6):
        make_activity(
            at=timezone.now(),
            verb="release.imported",
            subject_kind="release",
            subject=f"with {number}",
            after={f"file {value}": "x" for value in range(number)},
        )
    html = text(page)
    assert "6 values" in html
    assert "5 values" not in html


def test_times_are_read_as_times(page: Client, admin: Operator) -> None:
    until = timezone.now() + timedelta(days=1)
    nodes.hold(make_node(), by=admin, because="disk", until=until)
    assert f"<b>{until:%Y-%m-%d %H:%M} UTC</b>" in text(page)


def test_the_system_is_somebody_too(page: Client, admin: Operator) -> None:
    groups.switch_updates(seeded_group(), on=False, by=None)
    groups.switch_updates(seeded_group("beta"), on=False, by=admin)
    assert "<b>The system</b> switched updates off in group" in text(page)
    assert text(page, "?actor=system").count("<li class=") == 1
    assert "beta" in text(page, "?actor=admin")


def test_is_narrowed_to_a_kind_of_thing(page: Client, admin: Operator) -> None:
    groups.switch_updates(seeded_group(), on=False, by=admin)
    nodes.archive(make_node(), by=admin)
    assert text(page, "?kind=node").count("<li class=") == 1
    answer = page.get("/activity/?kind=gizmo")
    assert answer.status_code == 400
    assert "There is no activity about" in answer.content.decode()


def test_leads_back_page_by_page(page: Client, admin: Operator) -> None:
    for number in range(60):
        make_activity(
            at=timezone.now(),
            actor=admin,
            verb="node.held",
            subject_kind="node",
            subject_id=1,
            subject=f"node-{number}",
        )
    first = text(page)
    following = re.search(r'href="(\?after=[^"]+)" rel="next"', first)
    assert following
    seen = re.findall(r">(node-\d+)<", first) + re.findall(
        r">(node-\d+)<", text(page, following[1])
    )
    assert seen == [f"node-{number}" for number in range(59, -1, -1)]


@pytest.mark.parametrize("query", ["?after=zzz", "?actor=nobody%00"])
def test_never_fails_over_its_address(page: Client, query: str) -> None:
    assert page.get(f"/activity/{query}").status_code in {200, 400}
