"""Pages, at their addresses."""

from django.urls import URLPattern

app_name = "dashboard"
urlpatterns: list[URLPattern] = []
