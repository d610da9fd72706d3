"""Facts as rows, a file an aggregate."""

from oemupdates.models.activity import Activity, ActivityCheck
from oemupdates.models.advisory import Advisory, Exposure, Package
from oemupdates.models.application import FLATCAR, Application, Architecture
from oemupdates.models.bucket import BucketCheck, BucketObject
from oemupdates.models.bulk import BulkChange, BulkItem
from oemupdates.models.bundle import BundleImport
from oemupdates.models.channel import Channel, DeadEnd, Floor
from oemupdates.models.component import Component, ComponentImage, ComponentPoll, ComponentWant
from oemupdates.models.configuration import Configuration
from oemupdates.models.count import GroupBudget, NodeCount
from oemupdates.models.demo import DemoFleet
from oemupdates.models.download import DownloadCount, NodeDownload
from oemupdates.models.drift import DriftInterval, DriftPass
from oemupdates.models.group import Group, TrackAlias
from oemupdates.models.heartbeat import Heartbeat
from oemupdates.models.history import Answer, Event, VersionInterval
from oemupdates.models.idempotency import DoneRequest
from oemupdates.models.label import Label, NodeLabel
from oemupdates.models.node import Node
from oemupdates.models.oem import Oem, OemProposal
from oemupdates.models.operator import Operator
from oemupdates.models.rejected import RejectedRequest
from oemupdates.models.release import Payload, Release
from oemupdates.models.report import SysextReport
from oemupdates.models.retention import Retention
from oemupdates.models.role import RoleGrant
from oemupdates.models.sample import Dimension, Sample
from oemupdates.models.saved_view import SavedView
from oemupdates.models.share_link import ShareLink
from oemupdates.models.sync import PackageList, Proposal, SyncRun
from oemupdates.models.token import ApiToken
from oemupdates.models.update_secret import UpdateSecret
from oemupdates.models.upstream import Subscription, Upstream
from oemupdates.models.verification import Verification
from oemupdates.models.webhook import DarkMark, Webhook, WebhookCursor, WebhookDelivery

__all__ = [
    "FLATCAR",
    "Activity",
    "ActivityCheck",
    "Advisory",
    "Answer",
    "ApiToken",
    "Application",
    "Architecture",
    "BucketCheck",
    "BucketObject",
    "BulkChange",
    "BulkItem",
    "BundleImport",
    "Channel",
    "Component",
    "ComponentImage",
    "ComponentPoll",
    "ComponentWant",
    "Configuration",
    "DarkMark",
    "DeadEnd",
    "DemoFleet",
    "Dimension",
    "DoneRequest",
    "DownloadCount",
    "DriftInterval",
    "DriftPass",
    "Event",
    "Exposure",
    "Floor",
    "Group",
    "GroupBudget",
    "Heartbeat",
    "Label",
    "Node",
    "NodeCount",
    "NodeDownload",
    "NodeLabel",
    "Oem",
    "OemProposal",
    "Operator",
    "Package",
    "PackageList",
    "Payload",
    "Proposal",
    "RejectedRequest",
    "Release",
    "Retention",
    "RoleGrant",
    "Sample",
    "SavedView",
    "ShareLink",
    "Subscription",
    "SyncRun",
    "SysextReport",
    "TrackAlias",
    "UpdateSecret",
    "Upstream",
    "Verification",
    "VersionInterval",
    "Webhook",
    "WebhookCursor",
    "WebhookDelivery",
]
