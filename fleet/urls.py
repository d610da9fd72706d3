"""One line a door; the update endpoint and the payloads stand in front of Django (asgi.py)."""

from django.urls import include, path

from oemupdates.metrics.endpoint import metrics

urlpatterns = [
    path("api/", include("oemupdates.api.urls")),
    path("metrics", metrics, name="metrics"),
    path("", include("oemupdates.dashboard.urls")),
]
