import json
from urllib.parse import unquote

from oemupdates.domain import snippet


def test_the_address_ends_in_the_secret_if_there_is_one() -> None:
    assert snippet.server("https://fleet", "") == "https://fleet/v1/update"
    assert snippet.server("https://fleet", "s3cret") == "https://fleet/v1/update/s3cret"


def test_ignition_writes_the_same_file_as_butane() -> None:
    server = "https://fleet.example.net/v1/update/a%b"
    written = json.loads(snippet.ignition("rack:7/@+", server))
    (file,) = written["storage"]["files"]
    kind, _, content = file["contents"]["source"].partition(",")
    assert kind == "data:"
    assert unquote(content) == snippet.update_conf("rack:7/@+", server)
    assert (file["path"], file["mode"], file["overwrite"]) == (
        "/etc/flatcar/update.conf",
        0o644,
        True,
    )
    indented = "".join(f"          {line}\n" for line in unquote(content).splitlines())
    assert snippet.butane("rack:7/@+", server).endswith(indented)


def test_a_badge_is_a_picture_that_leads_to_the_group() -> None:
    made = snippet.badge(
        "a]b*", image="https://fleet/badges/x.svg", page="https://fleet/groups/1/"
    )
    assert made == r"[![a\]b\*](https://fleet/badges/x.svg)](https://fleet/groups/1/)"
