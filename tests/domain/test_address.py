import pytest

from oemupdates.domain.address import BadAddress, read


@pytest.mark.parametrize(
    "url", ["http://a", "https://a.example.net:8443/b/?c=d#e", "https://[::1]/", "http://a/b@c"]
)
def test_an_address_is_taken_apart(url: str) -> None:
    assert read(url).geturl() == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "'' is no http or https address"),
        ("a.example.net/b", "no http or https"),
        ("ftp://a/", "no http or https"),
        ("https:///b", "no http or https"),
        ("https://a/b c", "no http or https"),
        ("https://a/\x1b", "no http or https"),
        ("https://a:b/", "This is no address"),
        ("https://a:65536/", "This is no address"),
        ("https://[a/", "This is no address"),
    ],
)
def test_what_is_none_is_refused(url: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why):
        read(url)


@pytest.mark.parametrize("scheme", ["https", "http", "ftp"])
@pytest.mark.parametrize("who", ["me:secret@", "secret@", ":secret@", ":@", "@"])
def test_what_names_somebody_is_refused_and_not_repeated(scheme: str, who: str) -> None:
    with pytest.raises(BadAddress, match="a user name or a password") as refused:
        read(f"{scheme}://{who}a/")
    assert "secret" not in str(refused.value)
