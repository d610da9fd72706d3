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
        "oemupdates.api.schema.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "Architecture": "oemupdates.api.choices.ARCHITECTURES",
        "Basis": "oemupdates.api.choices.BASES",
        "BeforeSysext": "oemupdates.api.choices.BEFORE_SYSEXT",
        "BulkState": "oemupdates.api.choices.BULK_STATES",
        "BulkVerb": "oemupdates.api.choices.BULK_VERBS",
        "BundleState": "oemupdates.api.choices.BUNDLE_STATES",
        "DeliveryState": "oemupdates.api.choices.DELIVERY_STATES",
        "DemoState": "oemupdates.api.choices.DEMO_STATES",
        "Dimension": "oemupdates.api.choices.DIMENSIONS",
        "Drift": "oemupdates.api.choices.DRIFTS",
        "DriftBasis": "oemupdates.api.choices.DRIFT_BASES",
        "EventMeaning": "oemupdates.api.choices.EVENT_MEANINGS",
        "HealthLevel": "oemupdates.api.choices.HEALTH_LEVELS",
        "NodeState": "oemupdates.api.choices.NODE_STATES",
        "OemKind": "oemupdates.api.choices.OEM_KINDS",
        "PayloadSource": "oemupdates.api.choices.PAYLOAD_SOURCES",
        "Permission": "oemupdates.api.choices.PERMISSIONS",
        "Confidence": "oemupdates.api.choices.CONFIDENCES",
        "OemProposalState": "oemupdates.api.choices.OEM_PROPOSAL_STATES",
        "ProposalState": "oemupdates.api.choices.PROPOSAL_STATES",
        "ReasonCode": "oemupdates.api.choices.REASON_CODES",
        "RetentionKind": "oemupdates.api.choices.RETENTION_KINDS",
        "Role": "oemupdates.api.choices.ROLES",
        "Severity": "oemupdates.api.choices.SEVERITIES",
        "SyncState": "oemupdates.api.choices.SYNC_STATES",
        "UpdateSecretKind": "oemupdates.api.choices.UPDATE_SECRET_KINDS",
        "UpstreamKind": "oemupdates.api.choices.UPSTREAM_KINDS",
        "UpstreamPolicy": "oemupdates.api.choices.UPSTREAM_POLICIES",
        "WebhookForm": "oemupdates.api.choices.WEBHOOK_FORMS",
        "WebhookKind": "oemupdates.api.choices.WEBHOOK_KINDS",
        "Withheld": "oemupdates.api.choices.WITHHELD",
    },
}
