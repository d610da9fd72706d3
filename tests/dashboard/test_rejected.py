import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.models import RejectedRequest


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
    assert "&lt;app machinealias=&quot;rack &quot;7&quot;&quot;&gt;" in html
    assert 'href="/nodes/?q=192.0.2.0"' in html


def test_shows_a_reason_that_it_does_not_know(page: Client) -> None:
    make_rejected(reason="brand_new")
    assert "Refused: brand new." in page.get("/rejected/").content.decode()


def test_is_narrowed_to_a_source_or_a_reason(page: Client) -> None:
    make_rejected(1)
    make_rejected(2, reason="doctype")
    assert page.get("/rejected/?source=192.0.2.1").content.decode().count("<li class=") == 1
    html = page.get("/rejected/?reason=doctype").content.decode()
    assert html.count("<li class=") == 1
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
        seen += re.findall(r"Refused: (r\d+)\.", html)
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


def test_says_when_nothing_was_rejected(page: Client) -> None:
    assert "Nothing was rejected" in page.get("/rejected/").content.decode()
