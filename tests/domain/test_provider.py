"""What is said of identity providers, and what cannot be meant."""

import tomllib

import pytest

from oemupdates.domain.provider import Kind, Provider, leads_safely, read
from oemupdates.domain.provider_text import BadProvider

CORP = """
[corp]
name = "Example Corp"
issuer = "https://id.example.net/realms/corp"
client_id = "oem-fleet"
client_secret = "secret"
"""
ROLES = """
[corp.roles]
"Fleet Admins" = "admin"
berlin = ["operator@berlin", "viewer"]
"""
GITHUB = """
[github]
kind = "github"
client_id = "Iv1"
client_secret_file = "/run/secrets/github"
[github.roles]
"Example/Platform" = "approver"
"""


def providers(text: str, *, allow_http: bool = False) -> tuple[Provider, ...]:
    files = {"/run/secrets/github": "from a file\n", "/empty": "\n"}

    def read_file(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(2, "No such file")
        return files[path]

    return read(tomllib.loads(text), read_file=read_file, allow_http=allow_http)


def test_a_file_may_name_none_or_several() -> None:
    assert providers("") == ()
    corp, github = providers(CORP + ROLES + GITHUB)
    assert (corp.id, corp.name, corp.kind) == ("corp", "Example Corp", Kind.OPENID)
    assert corp.scopes == ("openid", "profile")
    assert corp.groups_claim == "groups"
    assert (github.name, github.address) == ("GitHub", "https://github.com")
    assert (github.api, github.secret) == ("https://api.github.com", "from a file")
    assert "secret" not in repr(corp)


def test_an_enterprise_server_has_its_api_beside_its_pages() -> None:
    (found,) = providers(
        GITHUB.replace("client_id", 'url = "https://git.example.net/"\nclient_id')
    )
    assert found.api == "https://git.example.net/api/v3"
    apart = 'url = "https://x.ghe.com"\napi = "https://api.x.ghe.com"\nclient_id'
    (found,) = providers(GITHUB.replace("client_id", apart))
    assert found.api == "https://api.x.ghe.com"


@pytest.mark.parametrize(
    ("groups", "entries"),
    [
        (set(), set()),
        ({"others"}, set()),
        ({"Fleet Admins", "berlin"}, {"admin", "operator@berlin", "viewer"}),
        ({"fleet admins"}, set()),  # a provider's groups are told apart by case, too
    ],
)
def test_groups_stand_for_roles(groups: set[str], entries: set[str]) -> None:
    (corp,) = providers(CORP + ROLES)
    assert corp.entries(frozenset(groups)) == entries


def test_names_of_github_are_the_same_in_any_case() -> None:
    (github,) = providers(GITHUB)
    assert github.entries(frozenset({"example/PLATFORM"})) == {"approver"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('issuer = "https://id', 'issuer = "http://id'),
        ('issuer = "https://id.example.net', 'issuer = "http://127.0.0.1:8080'),
        ('issuer = "https://id.', 'issuer = "https://user:word@id.'),
        ("/realms/corp", "/realms/corp?x=1"),
        ('issuer = "https://id.example.net/realms/corp"', ""),
        ('client_id = "oem-fleet"', ""),
        ('client_secret = "secret"', ""),
        ('client_secret = "secret"', 'client_secret_file = "/nowhere"'),
        ('client_secret = "secret"', 'client_secret_file = "/empty"'),
        ('client_secret = "secret"', 'client_secret = "a"\nclient_secret_file = "/empty"'),
        ('client_secret = "secret"', "client_secret = 7"),
        ("client_id", 'group_claim = "x"\nclient_id'),  # it is groups_claim
        ("client_id", 'scopes = ["profile"]\nclient_id'),
        ("client_id", 'kind = "saml"\nclient_id'),
        ("client_id", "log_in_proves = 1\nclient_id"),
        ('"admin"', '"root"'),
        ('"admin"', '"admin@berlin"'),
        ('"admin"', '"viewer@"'),
        ('"admin"', "7"),
        (ROLES, ""),
        (ROLES, '[corp.roles]\n"a" = []\n[Corp]\nx = 1'),
        (CORP + ROLES, "corp = 7"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: str, said: str) -> None:
    assert change in CORP + ROLES
    with pytest.raises(BadProvider, match=r"(?i)corp"):
        providers((CORP + ROLES).replace(change, said, 1))


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "[::1]:8080", "localhost"])
def test_without_tls_it_is_this_machine_and_for_development(host: str) -> None:
    text = (CORP + ROLES).replace("https://id.example.net", f"http://{host}")
    (found,) = providers(text, allow_http=True)
    assert found.address == f"http://{host}/realms/corp"
    with pytest.raises(BadProvider, match="must begin with https"):
        providers(text)
    with pytest.raises(BadProvider, match="must begin with https"):
        providers(text.replace(host, "192.0.2.1"), allow_http=True)


@pytest.mark.parametrize(
    ("issuer", "endpoint", "is_safe"),
    [
        ("https://id.example.net", "https://login.example.net/token", True),
        ("https://id.example.net", "http://id.example.net/token", False),
        ("https://id.example.net", "http://127.0.0.1/token", False),
        ("https://id.example.net", "https://", False),
        ("https://id.example.net", "javascript:alert(1)", False),
        ("http://127.0.0.1:1", "http://127.0.0.1:2/token", True),
        ("http://127.0.0.1:1", "http://192.0.2.1/token", False),
        ("http://localhost", "file:///etc/passwd", False),
    ],
)
def test_a_provider_leads_to_no_place_without_tls(
    issuer: str, endpoint: str, *, is_safe: bool
) -> None:
    assert leads_safely(issuer, to=endpoint) is is_safe
