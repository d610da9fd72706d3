import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Payload
from oemupdates.services.comparing import Change, compare
from tests.services.makers import make_release


@pytest.mark.django_db
def test_tells_what_came_went_and_changed() -> None:
    before = make_release("4459.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz", "oem-packet.gz"))
    after = make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz", "oem-stackit.gz"))
    Payload.objects.filter(release=after, name="oem-azure.gz").update(size=1500, sha256="3" * 64)
    found = compare(before, after)
    assert [(one.name, one.change, one.grown) for one in found] == [
        (OS_PAYLOAD, Change.SAME, 0),
        ("oem-azure.gz", Change.CHANGED, 500),
        ("oem-packet.gz", Change.REMOVED, -1000),
        ("oem-stackit.gz", Change.ADDED, 1000),
    ]
