"""Pages, at their addresses."""

from django.urls import URLPattern, path

from oemupdates.dashboard import (
    account,
    activity,
    channels,
    groups,
    health,
    node,
    node_verbs,
    nodes,
    overview,
    palette,
    paths,
    preferences,
    rejected,
    releases,
    style,
)

app_name = "dashboard"
urlpatterns: list[URLPattern] = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("login/", account.LogIn.as_view(), name="login"),
    path("logout/", account.LogOut.as_view(), name="logout"),
    path("password/", account.Password.as_view(), name="password"),
    path("", overview.overview, name="overview"),
    path("nodes/", nodes.nodes, name="nodes"),
    path("nodes/<int:pk>/", node.node, name="node"),
    path("nodes/<int:pk>/hold/", node_verbs.hold, name="node_hold"),
    path("nodes/<int:pk>/release/", node_verbs.release, name="node_release"),
    path("nodes/<int:pk>/rename/", node_verbs.rename, name="node_rename"),
    path("nodes/<int:pk>/archive/", node_verbs.archive, name="node_archive"),
    path("nodes/<int:pk>/unarchive/", node_verbs.unarchive, name="node_unarchive"),
    path("nodes/<int:pk>/retry/", node_verbs.retry, name="node_retry"),
    path("groups/", groups.groups, name="groups"),
    path("groups/<int:pk>/", groups.group, name="group"),
    path("groups/<int:pk>/edit/", groups.edit, name="group_edit"),
    path("groups/<int:pk>/updates/", groups.switch_updates, name="group_updates"),
    path("channels/", channels.channels, name="channels"),
    path("channels/<int:pk>/", channels.channel, name="channel"),
    path("channels/<int:pk>/target/", channels.set_target, name="channel_target"),
    path("channels/<int:pk>/floors/", channels.add_floor, name="floor_add"),
    path(
        "channels/<int:pk>/floors/<int:floor>/remove/", channels.remove_floor, name="floor_remove"
    ),
    path("channels/<int:pk>/dead-ends/", channels.add_dead_end, name="dead_end_add"),
    path(
        "channels/<int:pk>/dead-ends/<int:dead_end>/remove/",
        channels.remove_dead_end,
        name="dead_end_remove",
    ),
    path("releases/", releases.releases, name="releases"),
    path("releases/<int:pk>/", releases.release, name="release"),
    path("releases/<int:pk>/block/", releases.block, name="release_block"),
    path("releases/<int:pk>/unblock/", releases.unblock, name="release_unblock"),
    path("rejected/", rejected.rejected, name="rejected"),
    path("palette/", palette.palette, name="palette"),
    path("preferences/", preferences.prefer, name="prefer"),
    path("style/", style.style, name="style"),
    path("paths/", paths.paths, name="paths"),
    path("activity/", activity.activity, name="activity"),
]
