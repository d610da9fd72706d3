"""Lists of packages, read into rows that can be looked for."""

from django.db import transaction

from oemupdates.domain.ebuild import packages
from oemupdates.models import Package, PackageList

_AT_ONCE = 20


def read_new() -> int:
    """Make rows of the lists of packages that came; how many lists were read."""
    read = 0
    while True:
        keys = list(
            PackageList.objects.filter(is_read=False).values_list("pk", flat=True)[:_AT_ONCE]
        )
        if not keys:
            return read
        for key in keys:
            read += _read(key)


def _read(key: int) -> bool:
    with transaction.atomic():
        row = (
            PackageList.objects.select_for_update(no_key=True)
            .filter(pk=key, is_read=False)
            .first()
        )
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
