"""How a node's OEM sysext stands to its OS, as an expression over nodes and counters alike."""

from django.db.models import Case, CharField, F, Q, TextChoices, Value, When

from oemupdates.domain.checkin import ANY, DERIVED, OBSERVED


class Sysext(TextChoices):
    """The OEM sysext in use against the OS version beside it."""

    SAME = "same", "Same as the OS"
    DIFFERENT = "different", "Another than the OS"
    NOT_MERGED = "not_merged", "Not merged"
    UNKNOWN = "unknown", "Unknown"


SYSEXT = Case(
    When(~Q(oem_basis__in=[OBSERVED, DERIVED]), then=Value(Sysext.UNKNOWN.value)),
    When(oem_version="", then=Value(Sysext.NOT_MERGED.value)),
    # An image for any OS version fits each.
    When(Q(oem_version=F("version")) | Q(oem_version=ANY), then=Value(Sysext.SAME.value)),
    default=Value(Sysext.DIFFERENT.value),
    output_field=CharField(),
)


def sysext_of(basis: str, oem_version: str, version: str) -> str:
    """The same of values that were read."""
    if basis not in {OBSERVED, DERIVED}:
        return Sysext.UNKNOWN.value
    if not oem_version:
        return Sysext.NOT_MERGED.value
    return Sysext.SAME.value if oem_version in {version, ANY} else Sysext.DIFFERENT.value
