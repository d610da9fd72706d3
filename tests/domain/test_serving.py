from dataclasses import replace

import pytest

from oemupdates.domain.policy import PayloadSource, Release
from oemupdates.domain.serving import NODE, codebases, node_of, token
from tests.domain.plain import NEW, group, release

pytestmark = pytest.mark.once

FOLDER = f"amd64-usr/{NEW}"
HERE = f"https://here.example/payloads/{FOLDER}/"
OWN = f"https://here.example/payloads/n/{NODE}/{FOLDER}/"
THERE = (f"https://there.example/{FOLDER}/", f"https://elsewhere.example/{FOLDER}/")
KEY, FORMER = b"k" * 32, b"f" * 32


def hosted(**changes: object) -> Release:
    """A release that this server hosts, and that a sync found in two places."""
    values = {"codebase": HERE, "folder": FOLDER, "origins": THERE} | changes
    return replace(release(NEW), **values)


@pytest.mark.parametrize(
    ("source", "urls"),
    [
        (PayloadSource.MIRROR, (HERE,)),
        (PayloadSource.MIRROR_FIRST, (HERE, *THERE)),
        (PayloadSource.ORIGIN, THERE),
        (PayloadSource.ORIGIN_FIRST, (*THERE, HERE)),
    ],
)
def test_nodes_are_sent_where_their_group_says(source: PayloadSource, urls: object) -> None:
    assert codebases(hosted(), replace(group(), payload_source=source)) == urls


@pytest.mark.parametrize("source", list(PayloadSource))
def test_without_a_known_origin_there_is_this_server(source: PayloadSource) -> None:
    assert codebases(hosted(origins=()), replace(group(), payload_source=source)) == (HERE,)


def test_a_url_stands_once_though_two_say_it() -> None:
    of = replace(group(), payload_source=PayloadSource.MIRROR_FIRST)
    assert codebases(hosted(origins=(HERE, *THERE)), of) == (HERE, *THERE)


def test_a_node_has_a_url_of_its_own_here_and_nowhere_else() -> None:
    of = replace(group(), has_node_urls=True, payload_source=PayloadSource.MIRROR_FIRST)
    assert codebases(hosted(), of) == (OWN, *THERE)
    away = hosted(codebase="https://host.example/files/", folder="", origins=())
    assert codebases(away, of) == ("https://host.example/files/",)


def test_a_token_names_the_node_that_it_was_made_for() -> None:
    made = token(KEY, 4711, FOLDER)
    assert made == token(KEY, 4711, FOLDER)
    assert node_of(made, FOLDER, [KEY]) == 4711
    assert node_of(made, FOLDER, [FORMER, KEY]) == 4711


@pytest.mark.parametrize(
    "said",
    [
        token(KEY, 4711, "amd64-usr/4459.2.4"),
        token(FORMER, 4711, FOLDER),
        token(KEY, 4711, FOLDER).replace("4711", "4712"),
        token(KEY, 4711, FOLDER)[:-1],
        token(KEY, 4711, FOLDER).upper(),
        f"0{token(KEY, 4711, FOLDER)}",
        "-",
        "",
    ],
)
def test_a_token_that_was_not_made_for_it_names_nobody(said: str) -> None:
    assert node_of(said, FOLDER, [KEY]) is None
