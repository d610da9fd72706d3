"""One line a door."""

from django.urls import include, path

urlpatterns = [
    path("", include("oemupdates.omaha.urls")),
    path("", include("oemupdates.dashboard.urls")),
]
