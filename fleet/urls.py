"""One line a door; the update endpoint and the payloads stand in front of Django (asgi.py)."""

from django.urls import include, path

urlpatterns = [
    path("api/", include("oemupdates.api.urls")),
    path("", include("oemupdates.dashboard.urls")),
]
