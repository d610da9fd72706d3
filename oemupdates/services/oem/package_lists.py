"""Lists of packages, read into rows that can be looked for."""

from django.db import transaction
from django.db.models import QuerySet

from oemupdates.domain.ebuild import packages
from oemupdates.domain.policy import OEM_PREFIX
from oemupdates.models import Package, PackageList
from oemupdates.services.shared.configuration import changing

_AT_ONCE = 20


def read_new() -> int:
    """Make rows of the lists of packages that came; how many lists were read."""
    unread = PackageList.objects.filter(is_read=False)
    read = 0
    while keys := _some(unread.exclude(name__startswith=OEM_PREFIX)):
        for key in keys:
            with transaction.atomic():
                read += _read(key)
    while keys := _some(unread.filter(name__startswith=OEM_PREFIX)):
        # Drift is measured by the builds that these are of: one change for all that came together.
        with changing():
            read += sum(map(_read, keys))
    return read


def _some(unread: QuerySet[PackageList]) -> list[int]:
    return list(unread.values_list("pk", flat=True)[:_AT_ONCE])


def _read(key: int) -> bool:
    row = PackageList.objects.select_for_update(no_key=True).filter(pk=key, is_read=False).first()
    if row is None:
        return False
    row.packages.all().delete()
    Package.objects.bulk_create(
        [
            Package(package_list=row, name=name, version=version)
            for name, version in packages(row.content)
        ],
        batch_size=500,
    )
    PackageList.objects.filter(pk=key).update(is_read=True)
    return True
