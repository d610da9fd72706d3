"""The project: puts the parts together; nobody imports it."""

from fleet.celery import app as celery_app

__all__ = ["celery_app"]
