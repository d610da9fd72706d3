"""Applications: what an appid names."""

import uuid

from django.db import models

FLATCAR = uuid.UUID("e96281a6-d1af-4bde-9a0a-97b76e56dc57")


class Architecture(models.TextChoices):
    """A machine architecture, in Flatcar's spelling."""

    AMD64 = "amd64", "amd64"
    ARM64 = "arm64", "arm64"


class Application(models.Model):
    """Something that nodes ask updates for; Flatcar's OS is one.

    A node names it by its UUID (`appid`, with or without braces) or by its product id.
    """

    uuid = models.UUIDField(unique=True, default=uuid.uuid4)
    product_id = models.CharField(max_length=155, blank=True, default="")
    name = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                "product_id",
                condition=~models.Q(product_id=""),
                name="application_product_id_is_unique",
            ),
        )

    def __str__(self) -> str:
        return self.name
