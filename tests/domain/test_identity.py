"""What an identity token must say to be believed, and what is made of it."""

from itertools import islice
from typing import Any

import pytest

from oemupdates.domain import identity
from oemupdates.domain.identity import Identity, NotBelieved
from oemupdates.domain.provider import Kind, Provider

NOW = 1_800_000_000.0
ISSUER, CLIENT, NONCE = "https://id.example.net", "oem-fleet", "n-0S6"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "2f0c",
    "iat": int(NOW),
    "exp": int(NOW) + 300,
    "nonce": NONCE,
}
CORP = Provider(
    id="corp",
    name="Example Corp",
    kind=Kind.OPENID,
    address=ISSUER,
    client_id=CLIENT,
    secret="",
    roles={},
    second_factor_acr=("gold",),
)


def judge(**changed: Any) -> None:
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not ...}
    identity.judge(claims, issuer=ISSUER, client_id=CLIENT, nonce=NONCE, now=NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"azp": CLIENT},
        {"exp": NOW - 59},
        {"iat": NOW + 60},
        {"nbf": NOW + 60},
        {"sub": "x" * 191},
    ],
)
def test_a_token_of_this_log_in_is_believed(changed: dict[str, Any]) -> None:
    judge(**changed)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"iss": f"{ISSUER}/"}, "another issuer"),
        ({"iss": ...}, "another issuer"),
        ({"aud": "other"}, "somebody else"),
        ({"aud": [f"{CLIENT}-2"]}, "somebody else"),
        ({"aud": []}, "somebody else"),
        ({"aud": ...}, "somebody else"),
        ({"aud": {CLIENT: 1}}, "somebody else"),
        ({"azp": "other"}, "somebody else"),
        ({"azp": ["x"]}, "somebody else"),
        ({"aud": [CLIENT, "other"]}, "for several"),
        ({"exp": NOW - 60}, "too old"),
        ({"exp": ...}, "from when to when"),
        ({"exp": "1900000000"}, "from when to when"),
        ({"exp": True}, "from when to when"),
        ({"exp": float("nan")}, "from when to when"),
        ({"exp": float("inf")}, "from when to when"),
        ({"iat": ...}, "from when to when"),
        ({"iat": NOW + 61}, "of the future"),
        ({"nbf": NOW + 61}, "of the future"),
        ({"nbf": "soon"}, "from when to when"),
        ({"nonce": "other"}, "another log-in"),
        ({"nonce": "ünïcode"}, "another log-in"),
        ({"nonce": ...}, "another log-in"),
        ({"nonce": 7}, "another log-in"),
        ({"sub": ""}, "of whom"),
        ({"sub": 7}, "of whom"),
        ({"sub": ...}, "of whom"),
        ({"sub": "x" * 192}, "of whom"),
        ({"sub": "a\x00b"}, "cannot be kept"),
    ],
)
def test_any_other_token_is_not(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(NotBelieved, match=why):
        judge(**changed)


@pytest.mark.parametrize(
    ("path", "claims", "found"),
    [
        ("groups", {}, None),
        ("groups", {"groups": ["a"]}, ["a"]),
        ("realm.roles", {"realm": {"roles": ["a"]}}, ["a"]),
        ("https://example.net/groups", {"https://example.net/groups": "a"}, "a"),
        ("realm.roles", {"realm": ["roles"]}, None),
        ("realm.roles", {"realm": {}}, None),
    ],
)
def test_groups_are_claimed_by_a_name_or_a_path(path: str, claims: Any, found: Any) -> None:
    assert identity.claimed(claims, path) == found


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        (["a", "b", "a"], {"a", "b"}),
        ("a", {"a"}),
        ([], set()),
        (["a", 7, None, "x" * 256, "\x00"], {"a"}),
        (None, None),
        ({"a": True}, None),
    ],
)
def test_groups_are_a_list_of_texts(value: object, groups: set[str] | None) -> None:
    assert identity.groups_told(value) == groups


@pytest.mark.parametrize(
    ("methods", "has_two"),
    [
        (["mfa"], True),
        (["pwd", "otp"], True),
        (["hwk", "fpt"], True),
        (["pwd"], False),
        (["otp", "sms"], False),  # two things that one has are one kind
        (["hwk"], False),
        ([], False),
        ("mfa", False),
        (None, False),
        ([["mfa"]], False),
    ],
)
def test_two_factors_are_of_two_kinds(methods: object, *, has_two: bool) -> None:
    assert identity.proves_two_factors(methods) is has_two


def test_an_identity_is_what_was_claimed() -> None:
    claims = CLAIMS | {
        "preferred_username": " an\nn ",
        "name": "Ann " * 100,
        "groups": ["ops"],
        "auth_time": NOW,
        "acr": "gold",
    }
    found = identity.openid_identity(CORP, claims)
    assert (found.subject, found.username, found.groups) == ("2f0c", "ann", {"ops"})
    assert len(found.name) == 150
    assert found.has_second_factor
    assert found.authenticated_at == NOW
    bare = identity.openid_identity(CORP, CLAIMS | {"acr": "silver", "auth_time": "now"})
    assert bare == Identity(ISSUER, "2f0c", "")


@pytest.mark.parametrize(
    ("at", "is_fresh"), [(None, False), (NOW, True), (NOW - 60, True), (NOW - 61, False)]
)
def test_a_log_in_is_fresh_if_it_came_after_it_was_asked_for(
    at: float | None, *, is_fresh: bool
) -> None:
    found = Identity(ISSUER, "2f0c", "ann", authenticated_at=at)
    assert identity.is_fresh(found, since=NOW) is is_fresh


@pytest.mark.parametrize(
    ("username", "names"),
    [
        ("ann", ["ann", "ann@corp", "ann@corp-2"]),
        ("ann@example.net", ["ann@example.net", "ann@example.net@corp"]),
        ("<b> ann </b>", ["bannb"]),
        ("\uff41nn", ["ann"]),  # what looks the same is the same
        ("", ["corp", "corp@corp"]),
        ("/:", ["corp"]),
        ("x" * 150, ["x" * 90]),
    ],
)
def test_user_names_are_what_may_be_one(username: str, names: list[str]) -> None:
    found = identity.usernames(Identity(ISSUER, "2f0c", username), CORP)
    assert list(islice(found, len(names))) == names
