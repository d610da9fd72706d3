import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import Operator, RejectedRequest
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import make_node, seeded_group

ENTRY = '<li class="wait" data-row>'


def make_rejected(number: int = 0, **given: object) -> RejectedRequest:
    at = timezone.now() - timedelta(minutes=number)
    values = {
        "day": at.date(),
        "reason": "malformed_xml",
        "source": f"192.0.2.{number}",
        "times": 1,
        "first_at": at,
        "last_at": at,
    } | given
    return RejectedRequest.objects.create(**values)


def test_says_what_was_wrong_and_how_to_mend_it(page: Client) -> None:
    make_rejected(times=1234, detail="line 4", sample='<app machinealias="rack "7"">')
    html = " ".join(page.get("/rejected/").content.decode().split())
    assert "The request is not well-formed XML." in html
    assert "a double quote in MACHINE_ALIAS" in html
    assert "1,234 times" in html
    assert ">1,234</a></td>" in html
    assert "&lt;app machinealias=&quot;rack &quot;7&quot;&quot;&gt;" in html
    assert 'href="/nodes/?q=192.0.2.0"' in html


def test_shows_a_reason_that_it_does_not_know(page: Client) -> None:
    make_rejected(reason="brand_new")
    assert "Refused: brand new." in page.get("/rejected/").content.decode()


def test_is_narrowed_to_a_source_or_a_reason(page: Client) -> None:
    make_rejected(1)
    make_rejected(2, reason="doctype")
    assert page.get("/rejected/?source=192.0.2.1").content.decode().count(ENTRY) == 1
    html = page.get("/rejected/?reason=doctype").content.decode()
    assert html.count(ENTRY) == 1
    assert "document type definition" in html


def test_all_rows_are_seen_once_even_those_of_one_moment(page: Client) -> None:
    at = timezone.now()
    for number in range(120):
        make_rejected(
            number % 100, reason=f"r{number}", last_at=at - timedelta(hours=number // 60)
        )
    seen: list[str] = []
    query = ""
    for _ in range(3):
        html = page.get(f"/rejected/{query}").content.decode()
        seen += re.findall(r"</a> Refused: (r\d+)\.", html)
        following = re.search(r'href="(\?after=[^"]+)" rel="next"', html)
        query = following[1] if following else ""
    assert len(seen) == len(set(seen)) == 120
    assert query == ""


@pytest.mark.parametrize(
    "after", ["zzz", "WzFd", "WyJ4IiwgMV0", "WyIwMDAxLTAxLTAxVDAwOjAwWiIsMV0"]
)
def test_says_when_its_link_is_damaged(page: Client, after: str) -> None:
    answer = page.get(f"/rejected/?after={after}")
    assert answer.status_code == 400
    assert "is damaged" in answer.content.decode()


def test_sums_up_reasons_the_most_frequent_first(page: Client) -> None:
    make_rejected(1, times=2)
    make_rejected(2, times=3)
    make_rejected(3, reason="doctype", times=40)
    html = " ".join(page.get("/rejected/").content.decode().split())
    table = html[html.index('id="why"') : html.index("</table>")]
    rows = re.findall(
        r'href="\?reason=(\w+)">[^<]*</a><p.*?">([\d,]+)</a></td>.*?">(\d+)</td>', table
    )
    assert rows == [("doctype", "40", "1"), ("malformed_xml", "5", "2")]


def test_sums_up_no_more_than_the_newest(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oemupdates.services.checkins.rejected_sums.SUMMED", 2)
    for number in range(3):
        make_rejected(number, times=10)
    assert ">20</a></td>" in page.get("/rejected/").content.decode()


def test_is_narrowed_to_a_day(page: Client) -> None:
    make_rejected(1)
    make_rejected(60 * 24 * 3)
    day = (timezone.now() - timedelta(days=3)).date()
    html = page.get(f"/rejected/?day={day}").content.decode()
    assert html.count(ENTRY) == 1
    assert page.get("/rejected/?day=tuesday").status_code == 400
    assert "matches all of this" in page.get("/rejected/?day=2001-01-01").content.decode()


def test_a_filter_keeps_the_others(page: Client) -> None:
    make_rejected(1)
    html = page.get("/rejected/?reason=malformed_xml&source=192.0.2.1").content.decode()
    assert '<input type="hidden" name="reason" value="malformed_xml">' in html
    assert 'href="?source=192.0.2.1"' in html
    assert 'href="?reason=malformed_xml"' in html


def test_says_what_nodes_without_a_group_asked_for(page: Client) -> None:
    for _ in range(2):
        make_node(group=None, track="canary-eu", architecture="arm64")
    make_node(group=None, track="", architecture="amd64")
    make_node()
    html = " ".join(page.get("/rejected/").content.decode().split())
    asked = html[html.index('id="asked"') :]
    assert asked.index("canary-eu") < asked.index('class="long">none<')
    assert "unassigned=1&amp;architecture=arm64" in asked
    assert "Move to a group" in asked


def test_belongs_to_no_group_and_so_is_for_those_who_see_all(heard: None) -> None:
    somewhere = permit(Operator.objects.create_user("ann"), Role.OPERATOR, seeded_group())
    everywhere = permit(Operator.objects.create_user("ben"), Role.OPERATOR)
    assert log_in(somewhere).get("/rejected/").status_code == 403
    assert 'href="/rejected/"' not in log_in(somewhere).get("/groups/").content.decode()
    assert log_in(everywhere).get("/rejected/").status_code == 200
    assert 'href="/rejected/"' in log_in(everywhere).get("/groups/").content.decode()


def test_says_when_nothing_was_rejected(page: Client) -> None:
    assert "Nothing was rejected" in page.get("/rejected/").content.decode()
