"""The API at its addresses."""

from django.urls import URLPattern, path, re_path

from oemupdates.api import activity, channels, documents, groups, releases

app_name = "api"
v1: list[URLPattern] = [
    path("activity", activity.ActivityList.as_view(), name="activities"),
    path("activity/<int:pk>", activity.OneActivity.as_view(), name="activity"),
    path("channels", channels.Channels.as_view(), name="channels"),
    path("channels/<int:pk>", channels.OneChannel.as_view(), name="channel"),
    path("channels/<int:pk>/target", channels.ChannelTarget.as_view(), name="channel_target"),
    path("channels/<int:pk>/floors", channels.Floors.as_view(), name="floors"),
    path("channels/<int:pk>/floors/<int:floor>", channels.OneFloor.as_view(), name="floor"),
    path("channels/<int:pk>/dead-ends", channels.DeadEnds.as_view(), name="dead_ends"),
    path(
        "channels/<int:pk>/dead-ends/<int:dead_end>",
        channels.OneDeadEnd.as_view(),
        name="dead_end",
    ),
    path("groups", groups.Groups.as_view(), name="groups"),
    path("groups/<int:pk>", groups.OneGroup.as_view(), name="group"),
    path("groups/<int:pk>/summary", groups.Summary.as_view(), name="group_summary"),
    path("groups/<int:pk>/snippet", groups.Snippet.as_view(), name="group_snippet"),
    path("groups/<int:pk>/updates", groups.Updates.as_view(), name="group_updates"),
    path("releases", releases.Releases.as_view(), name="releases"),
    path("releases/<int:pk>", releases.OneRelease.as_view(), name="release"),
    path("releases/<int:pk>/block", releases.Blocking.as_view(), name="release_block"),
    path("releases/<int:pk>/unblock", releases.Unblocking.as_view(), name="release_unblock"),
    path("releases/<int:pk>/payloads", releases.Payloads.as_view(), name="payloads"),
]
urlpatterns: list[URLPattern] = [
    *[path(f"v1/{one.pattern}", one.callback, name=one.name) for one in v1],
    path("v1/openapi.json", documents.OpenApi.as_view(), name="openapi"),
    path("problems/", documents.Problems.as_view(), name="problems"),
    path("problems/<slug:name>", documents.OneProblem.as_view(), name="problem"),
    re_path(r"^v1/.*$", documents.Nothing.as_view(), name="nothing"),
]
