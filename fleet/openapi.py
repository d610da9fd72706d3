"""How drf-spectacular writes the OpenAPI document, and what its enumerations are called."""

from typing import Any

SETTINGS: dict[str, Any] = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "OEM Fleet",
    "VERSION": "1",
    "DESCRIPTION": "Nodes of Flatcar Container Linux, and the releases that they run.",
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "PATH_CONVERTER_OVERRIDES": {
        "key": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1}
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "oemupdates.api.frame.schema.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "Architecture": "oemupdates.api.frame.choices.ARCHITECTURES",
        "Basis": "oemupdates.api.frame.choices.BASES",
        "BeforeSysext": "oemupdates.api.frame.choices.BEFORE_SYSEXT",
        "BulkState": "oemupdates.api.frame.choices.BULK_STATES",
        "BulkVerb": "oemupdates.api.frame.choices.BULK_VERBS",
        "BundleState": "oemupdates.api.frame.choices.BUNDLE_STATES",
        "DeliveryState": "oemupdates.api.frame.choices.DELIVERY_STATES",
        "DemoState": "oemupdates.api.frame.choices.DEMO_STATES",
        "Dimension": "oemupdates.api.frame.choices.DIMENSIONS",
        "Drift": "oemupdates.api.frame.choices.DRIFTS",
        "DriftBasis": "oemupdates.api.frame.choices.DRIFT_BASES",
        "EventMeaning": "oemupdates.api.frame.choices.EVENT_MEANINGS",
        "HealthLevel": "oemupdates.api.frame.choices.HEALTH_LEVELS",
        "NodeState": "oemupdates.api.frame.choices.NODE_STATES",
        "OemKind": "oemupdates.api.frame.choices.OEM_KINDS",
        "PayloadSource": "oemupdates.api.frame.choices.PAYLOAD_SOURCES",
        "Permission": "oemupdates.api.frame.choices.PERMISSIONS",
        "Confidence": "oemupdates.api.frame.choices.CONFIDENCES",
        "OemProposalState": "oemupdates.api.frame.choices.OEM_PROPOSAL_STATES",
        "ProposalState": "oemupdates.api.frame.choices.PROPOSAL_STATES",
        "ReasonCode": "oemupdates.api.frame.choices.REASON_CODES",
        "RetentionKind": "oemupdates.api.frame.choices.RETENTION_KINDS",
        "Role": "oemupdates.api.frame.choices.ROLES",
        "Severity": "oemupdates.api.frame.choices.SEVERITIES",
        "SyncState": "oemupdates.api.frame.choices.SYNC_STATES",
        "UpdateSecretKind": "oemupdates.api.frame.choices.UPDATE_SECRET_KINDS",
        "UpstreamKind": "oemupdates.api.frame.choices.UPSTREAM_KINDS",
        "UpstreamPolicy": "oemupdates.api.frame.choices.UPSTREAM_POLICIES",
        "WebhookForm": "oemupdates.api.frame.choices.WEBHOOK_FORMS",
        "WebhookKind": "oemupdates.api.frame.choices.WEBHOOK_KINDS",
        "Withheld": "oemupdates.api.frame.choices.WITHHELD",
    },
}
