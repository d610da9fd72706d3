"""The API at its addresses."""

from django.urls import URLPattern, path, re_path, register_converter

from oemupdates.api import component_urls
from oemupdates.api.access import operators, share_links, tokens, update_secrets
from oemupdates.api.components import group_components
from oemupdates.api.frame import documents
from oemupdates.api.frame.fields import MAX_KEY
from oemupdates.api.groups import (
    channel_preview,
    channels,
    group_preview,
    group_snippet,
    group_uptake,
    groups,
    paths,
)
from oemupdates.api.nodes import (
    bulk,
    bulk_preview,
    carrying,
    labels,
    node_history,
    node_sysexts,
    node_verbs,
    nodes,
    views,
)
from oemupdates.api.oem import advisories, drifts, oem_matrix, oems
from oemupdates.api.releases import (
    bundles,
    mirror,
    mirror_downloads,
    origins,
    packages,
    releases,
    verifications,
)
from oemupdates.api.server import activity, demo, overview, rejected, retention, server, webhooks
from oemupdates.api.sync import syncs, upstreams


class Key:
    """The key of a row: what no row can have is no address."""

    regex = r"[1-9]\d{0,18}"

    def to_python(self, value: str) -> int:
        """The number, as far as databases count."""
        if (number := int(value)) > MAX_KEY:
            raise ValueError
        return number

    def to_url(self, value: int) -> str:
        """The number in digits."""
        return str(value)


register_converter(Key, "key")
app_name = "api"
v1: list[URLPattern] = [
    path("activity", activity.ActivityList.as_view(), name="activities"),
    path("activity/<key:pk>", activity.OneActivity.as_view(), name="activity"),
    path("bulk-changes", bulk.BulkChanges.as_view(), name="bulk_changes"),
    path("bulk-changes/preview", bulk_preview.Previewing.as_view(), name="bulk_preview"),
    path("bulk-changes/<key:pk>", bulk.OneBulkChange.as_view(), name="bulk_change"),
    path("bulk-changes/<key:pk>/stop", bulk.Stopping.as_view(), name="bulk_stop"),
    path("bulk-changes/<key:pk>/undo", bulk.Undoing.as_view(), name="bulk_undo"),
    path("channels", channels.Channels.as_view(), name="channels"),
    path("channels/<key:pk>", channels.OneChannel.as_view(), name="channel"),
    path("channels/<key:pk>/paths", paths.Paths.as_view(), name="channel_paths"),
    path("channels/<key:pk>/target", channels.ChannelTarget.as_view(), name="channel_target"),
    path(
        "channels/<key:pk>/summary",
        channel_preview.ChannelSummary.as_view(),
        name="channel_summary",
    ),
    path(
        "channels/<key:pk>/preview",
        channel_preview.TargetPreview.as_view(),
        name="channel_preview",
    ),
    path("channels/<key:pk>/floors", channels.Floors.as_view(), name="floors"),
    path("channels/<key:pk>/floors/<key:floor>", channels.OneFloor.as_view(), name="floor"),
    path("channels/<key:pk>/dead-ends", channels.DeadEnds.as_view(), name="dead_ends"),
    path(
        "channels/<key:pk>/dead-ends/<key:dead_end>",
        channels.OneDeadEnd.as_view(),
        name="dead_end",
    ),
    *component_urls.v1,
    path("demo", demo.Demo.as_view(), name="demo"),
    path("groups", groups.Groups.as_view(), name="groups"),
    path("groups/<key:pk>", groups.OneGroup.as_view(), name="group"),
    path("groups/<key:pk>/badge", share_links.Badge.as_view(), name="group_badge"),
    path(
        "groups/<key:pk>/badge/revoke",
        share_links.RevokingBadge.as_view(),
        name="group_badge_revoke",
    ),
    path("groups/<key:pk>/components", group_components.Wants.as_view(), name="group_components"),
    path(
        "groups/<key:pk>/components/<str:component>",
        group_components.OneWant.as_view(),
        name="group_component",
    ),
    path(
        "groups/<key:pk>/component-snippet",
        group_components.Transfers.as_view(),
        name="group_component_snippet",
    ),
    path("groups/<key:pk>/preview", group_preview.Preview.as_view(), name="group_preview"),
    path("groups/<key:pk>/summary", groups.Summary.as_view(), name="group_summary"),
    path("groups/<key:pk>/snippet", group_snippet.Snippet.as_view(), name="group_snippet"),
    path("groups/<key:pk>/uptake", group_uptake.Uptake.as_view(), name="group_uptake"),
    path("groups/<key:pk>/updates", groups.Updates.as_view(), name="group_updates"),
    path("holds", nodes.Holds.as_view(), name="holds"),
    path("labels", labels.Labels.as_view(), name="labels"),
    path("me", server.Me.as_view(), name="me"),
    path("nodes", nodes.Nodes.as_view(), name="nodes"),
    path("nodes/<key:pk>", nodes.OneNode.as_view(), name="node"),
    path("nodes/<key:pk>/answers", node_history.Answers.as_view(), name="node_answers"),
    path("nodes/<key:pk>/archive", node_verbs.Archiving.as_view(), name="node_archive"),
    path("nodes/<key:pk>/downloads", node_history.Downloads.as_view(), name="node_downloads"),
    path("nodes/<key:pk>/drifts", drifts.NodeDrifts.as_view(), name="node_drifts"),
    path("nodes/<key:pk>/events", node_history.Events.as_view(), name="node_events"),
    path("nodes/<key:pk>/explain", node_history.Explanation.as_view(), name="node_explain"),
    path("nodes/<key:pk>/hold", node_verbs.Holding.as_view(), name="node_hold"),
    path("nodes/<key:pk>/flatcar-update", carrying.ToNode.as_view(), name="node_flatcar_update"),
    path("nodes/<key:pk>/intervals", node_history.Intervals.as_view(), name="node_intervals"),
    path("nodes/<key:pk>/labels", labels.Labelling.as_view(), name="node_label"),
    path("nodes/<key:pk>/labels/remove", labels.Unlabelling.as_view(), name="node_unlabel"),
    path("nodes/<key:pk>/move", node_verbs.Moving.as_view(), name="node_move"),
    path("nodes/<key:pk>/move-back", node_verbs.MovingBack.as_view(), name="node_move_back"),
    path("nodes/<key:pk>/release", node_verbs.Releasing.as_view(), name="node_release"),
    path("nodes/<key:pk>/retry", node_verbs.Retrying.as_view(), name="node_retry"),
    path("nodes/<key:pk>/sysexts", node_sysexts.Sysexts.as_view(), name="node_sysexts"),
    path("nodes/<key:pk>/unarchive", node_verbs.Unarchiving.as_view(), name="node_unarchive"),
    path("advisories", advisories.Advisories.as_view(), name="advisories"),
    path("advisories/<key:pk>", advisories.OneAdvisory.as_view(), name="advisory"),
    path(
        "advisories/<key:pk>/exposure",
        advisories.AdvisoryExposure.as_view(),
        name="advisory_exposure",
    ),
    path("oem", oems.Oems.as_view(), name="oems"),
    path("oem/matrix", oem_matrix.OemMatrix.as_view(), name="oem_matrix"),
    path("oem-proposals", oems.OemProposals.as_view(), name="oem_proposals"),
    path("oem-proposals/<key:pk>/accept", oems.Accepting.as_view(), name="oem_proposal_accept"),
    path("oem-proposals/<key:pk>/dismiss", oems.Dismissing.as_view(), name="oem_proposal_dismiss"),
    path("oem/<key:pk>", oems.OneOem.as_view(), name="oem"),
    path("mirror", mirror.Mirror.as_view(), name="mirror"),
    path("mirror/collection", mirror.Collection.as_view(), name="mirror_collection"),
    path(
        "mirror/downloads",
        mirror_downloads.MirrorDownloads.as_view(),
        name="mirror_downloads",
    ),
    path("mirror/releases", mirror.MirrorReleases.as_view(), name="mirror_releases"),
    path("overview", overview.Overview.as_view(), name="overview"),
    path("rejected", rejected.Rejected.as_view(), name="rejected"),
    path("rejected/summary", rejected.RejectedSummary.as_view(), name="rejected_summary"),
    path("releases", releases.Releases.as_view(), name="releases"),
    path("releases/<key:pk>/downloads", releases.Downloads.as_view(), name="release_downloads"),
    path("releases/<key:pk>/packages", releases.Packages.as_view(), name="release_packages"),
    path(
        "releases/<key:pk>/summary",
        channel_preview.ReleaseSummary.as_view(),
        name="release_summary",
    ),
    path(
        "releases/<key:pk>/compare",
        channel_preview.ReleaseComparison.as_view(),
        name="release_comparison",
    ),
    path("releases/<key:pk>", releases.OneRelease.as_view(), name="release"),
    path("releases/<key:pk>/block", releases.Blocking.as_view(), name="release_block"),
    path(
        "releases/<key:pk>/forget-origin",
        origins.ForgettingOrigin.as_view(),
        name="release_forget_origin",
    ),
    path(
        "releases/<key:pk>/payloads/<str:name>",
        releases.AddingPayload.as_view(),
        name="release_payload",
    ),
    path(
        "releases/<key:pk>/flatcar-update",
        carrying.OfRelease.as_view(),
        name="release_flatcar_update",
    ),
    path("releases/<key:pk>/unblock", releases.Unblocking.as_view(), name="release_unblock"),
    path("drift", drifts.Drifts.as_view(), name="drift"),
    path(
        "releases/<key:pk>/verifications",
        verifications.Verifications.as_view(),
        name="release_verifications",
    ),
    path("retention", retention.Retention.as_view(), name="retention"),
    path("roles", operators.Roles.as_view(), name="roles"),
    path("samples", server.Samples.as_view(), name="samples"),
    path("system", server.System.as_view(), name="system"),
    path("tokens", tokens.Tokens.as_view(), name="tokens"),
    path("tokens/<key:pk>", tokens.OneToken.as_view(), name="token"),
    path("tokens/<key:pk>/revoke", tokens.Revoking.as_view(), name="token_revoke"),
    path("update-secrets", update_secrets.UpdateSecrets.as_view(), name="secrets"),
    path("update-secrets/plain", update_secrets.OpeningPlain.as_view(), name="plain_address"),
    path("update-secrets/<key:pk>", update_secrets.OneUpdateSecret.as_view(), name="secret"),
    path("update-secrets/<key:pk>/end", update_secrets.Ending.as_view(), name="secret_end"),
    path(
        "update-secrets/<key:pk>/revoke",
        update_secrets.RevokingSecret.as_view(),
        name="secret_revoke",
    ),
    path(
        "update-secrets/<key:pk>/rotate", update_secrets.Rotating.as_view(), name="secret_rotate"
    ),
    path("users", operators.Operators.as_view(), name="users"),
    path("bundles", bundles.Bundles.as_view(), name="bundles"),
    path("bundles/imports", bundles.Imports.as_view(), name="bundle_imports"),
    path("bundles/imports/<key:pk>", bundles.OneImport.as_view(), name="bundle_import"),
    path("bundles/uploads/<str:name>", bundles.Uploading.as_view(), name="bundle_upload"),
    path("proposals", syncs.Proposals.as_view(), name="proposals"),
    path("proposals/<key:pk>/accept", syncs.Accepting.as_view(), name="proposal_accept"),
    path("proposals/<key:pk>/dismiss", syncs.Dismissing.as_view(), name="proposal_dismiss"),
    path("sync-runs", syncs.SyncRuns.as_view(), name="sync_runs"),
    path("sync-runs/<key:pk>", syncs.OneSyncRun.as_view(), name="sync_run"),
    path("sync-runs/<key:pk>/cancel", syncs.Cancelling.as_view(), name="sync_run_cancel"),
    path("upstreams", upstreams.Upstreams.as_view(), name="upstreams"),
    path("upstreams/<key:pk>", upstreams.OneUpstream.as_view(), name="upstream"),
    path("upstreams/<key:pk>/active", upstreams.Switching.as_view(), name="upstream_active"),
    path("upstreams/<key:pk>/followers", upstreams.Followers.as_view(), name="upstream_followers"),
    path(
        "upstreams/<key:pk>/followers/<key:subscription>/remove",
        upstreams.Unfollowing.as_view(),
        name="upstream_unfollow",
    ),
    path("upstreams/<key:pk>/sync", syncs.Syncing.as_view(), name="upstream_sync"),
    path("users/<key:pk>", operators.OneOperator.as_view(), name="user"),
    path("users/<key:pk>/active", operators.Switching.as_view(), name="user_active"),
    path(
        "users/<key:pk>/factors/reset",
        operators.ResettingFactors.as_view(),
        name="user_factors_reset",
    ),
    path("users/<key:pk>/ordinary", operators.MakingOrdinary.as_view(), name="user_ordinary"),
    path("users/<key:pk>/password", operators.Resetting.as_view(), name="user_password"),
    path("users/<key:pk>/roles", operators.Giving.as_view(), name="user_roles"),
    path("users/<key:pk>/roles/<key:grant>", operators.OneGrant.as_view(), name="user_role"),
    path("views", views.Views.as_view(), name="views"),
    path("views/<key:pk>", views.OneView.as_view(), name="view"),
    path("wallboard-links", share_links.WallboardLinks.as_view(), name="wallboard_links"),
    path(
        "wallboard-links/<key:pk>", share_links.OneWallboardLink.as_view(), name="wallboard_link"
    ),
    path(
        "wallboard-links/<key:pk>/revoke",
        share_links.RevokingWallboardLink.as_view(),
        name="wallboard_link_revoke",
    ),
    path("webhooks", webhooks.Webhooks.as_view(), name="webhooks"),
    path("webhooks/<key:pk>", webhooks.OneWebhook.as_view(), name="webhook"),
    path("webhooks/<key:pk>/active", webhooks.Switching.as_view(), name="webhook_active"),
    path("webhooks/<key:pk>/deliveries", webhooks.Deliveries.as_view(), name="deliveries"),
    path(
        "webhooks/<key:pk>/deliveries/<key:delivery>/replay",
        webhooks.Replaying.as_view(),
        name="delivery_replay",
    ),
    path("webhooks/<key:pk>/secret", webhooks.Renewing.as_view(), name="webhook_secret"),
    path("webhooks/<key:pk>/test", webhooks.Testing.as_view(), name="webhook_test"),
    path("releases/<key:pk>/payloads", releases.Payloads.as_view(), name="payloads"),
]
urlpatterns: list[URLPattern] = [
    *[path(f"v1/{one.pattern}", one.callback, name=one.name) for one in v1],
    # Where publishing scripts for Nebraska send what they published.
    path("apps/<str:app>/packages", packages.Packages.as_view(), name="packages"),
    path("docs/", documents.swagger, name="docs"),
    path("v1/openapi.json", documents.OpenApi.as_view(), name="openapi"),
    path("problems/", documents.Problems.as_view(), name="problems"),
    path("problems/<slug:name>", documents.OneProblem.as_view(), name="problem"),
    # What lacks but its last slash is left to Django, which adds it.
    re_path(r"^(?:[\s\S]*/[\s\S]*)?$", documents.Nothing.as_view(), name="nothing"),
]
