"""The API at its addresses."""

from django.urls import URLPattern, path, re_path

from oemupdates.api import activity, channels, documents, groups, releases

app_name = "api"
v1: list[URLPattern] = [
    path("activity", activity.ActivityList.as_view(), name="activities"),
    path("activity/<int:pk>", activity.OneActivity.as_view(), name="activity"),
    path("channels", channels.Channels.as_view(), name="channels"),
    path("channels/<int:pk>", channels.OneChannel.as_view(), name="channel"),
    path("groups", groups.Groups.as_view(), name="groups"),
    path("groups/<int:pk>", groups.OneGroup.as_view(), name="group"),
    path("releases", releases.Releases.as_view(), name="releases"),
    path("releases/<int:pk>", releases.OneRelease.as_view(), name="release"),
    path("releases/<int:pk>/payloads", releases.Payloads.as_view(), name="payloads"),
]
urlpatterns: list[URLPattern] = [
    *[path(f"v1/{one.pattern}", one.callback, name=one.name) for one in v1],
    path("v1/openapi.json", documents.OpenApi.as_view(), name="openapi"),
    path("problems/", documents.Problems.as_view(), name="problems"),
    path("problems/<slug:name>", documents.OneProblem.as_view(), name="problem"),
    re_path(r"^v1/.*$", documents.Nothing.as_view(), name="nothing"),
]
