"""The product as a Django application."""

from django.apps import AppConfig


class OemUpdatesConfig(AppConfig):
    """OEM Fleet's models, doors and tasks."""

    name = "oemupdates"
    verbose_name = "OEM Fleet"
