"""What the bucket holds that nodes fetch payloads from, and how it was found."""

from datetime import datetime

from django.db import models


class BucketObjectQuerySet(models.QuerySet["BucketObject"]):
    """What is asked of the objects."""

    def seen_since(self, moment: datetime) -> "BucketObjectQuerySet":
        """Those of which the bucket said since then that it holds them."""
        return self.filter(left_at=None, stored_at__gte=moment)


class BucketObject(models.Model):
    """A payload's object in the bucket; `key` is `<board>/<version>/<file>`, as nodes ask for it.

    It is a row of its own, since several applications may share a file, and since it outlives the
    release that it must go with. `stored_at` is when the bucket last said that it holds these
    bytes, `failed_at` when it last failed to, and `left_at` since when no release names it.
    """

    key = models.CharField(max_length=300, unique=True)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    stored_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True, default="")
    left_at = models.DateTimeField(null=True)

    objects = BucketObjectQuerySet.as_manager()

    class Meta:
        ordering = ("key",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(stored_at=None) | models.Q(failed_at=None, left_at=None),
                name="bucket_object_is_there_or_not",
            ),
        )

    def __str__(self) -> str:
        return self.key


class BucketCheck(models.Model):
    """One row: whether the bucket answers.

    `url` is where its objects lie. `found_at` is since when it answers, `lost_at` since when it
    does not, and `problem` says why in words.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    url = models.CharField(max_length=500)
    checked_at = models.DateTimeField()
    found_at = models.DateTimeField(null=True)
    lost_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(id=1), name="bucket_check_is_one_row"),
            models.CheckConstraint(
                condition=models.Q(found_at=None) ^ models.Q(lost_at=None),
                name="bucket_is_found_or_lost",
            ),
        )

    def __str__(self) -> str:
        return self.problem or f"{self.url} answers"
