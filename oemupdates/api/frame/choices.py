"""The enumerations of the API; fleet.openapi gives each its name in the OpenAPI document."""

from oemupdates.domain.access import Permission, Role
from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED, REPORTED
from oemupdates.domain.confidence import Confidence
from oemupdates.domain.drift_facts import Basis, Drift, Severity
from oemupdates.domain.event import Meaning
from oemupdates.domain.health import Level
from oemupdates.domain.node import State
from oemupdates.domain.notice import CHOICES, Shape
from oemupdates.domain.oem import Before
from oemupdates.domain.policy import PayloadSource
from oemupdates.domain.reason import Why
from oemupdates.domain.sysupdate import Withheld
from oemupdates.models import (
    Architecture,
    BulkChange,
    BundleImport,
    DemoFleet,
    Oem,
    OemProposal,
    Proposal,
    SyncRun,
    UpdateSecret,
    Upstream,
    WebhookDelivery,
)
from oemupdates.models.sample import Dimension
from oemupdates.services.demo.demo import NONE
from oemupdates.services.nodes.bulk import VERBS
from oemupdates.services.server.retention import Kind

ARCHITECTURES = [architecture.value for architecture in Architecture]
BEFORE_SYSEXT = [one.value for one in Before]
BULK_STATES = [state.value for state in BulkChange.State]
BULK_VERBS = list(VERBS)
BASES = [NO_BASIS, REPORTED, DERIVED, OBSERVED]
BUNDLE_STATES = [state.value for state in BundleImport.State]
DELIVERY_STATES = [state.value for state in WebhookDelivery.State]
DEMO_STATES = [NONE, *(state.value for state in DemoFleet.State)]
DIMENSIONS = [dimension.value for dimension in Dimension]
DRIFT_BASES = [basis.value for basis in Basis]
DRIFTS = [one.value for one in Drift]
EVENT_MEANINGS = [meaning.value for meaning in Meaning]
HEALTH_LEVELS = [level.value for level in Level]
NODE_STATES = [state.value for state in State]
OEM_KINDS = [kind.value for kind in Oem.Kind]
PAYLOAD_SOURCES = [source.value for source in PayloadSource]
PERMISSIONS = [permission.value for permission in Permission]
REASON_CODES = [why.value for why in Why]
RETENTION_KINDS = [kind.value for kind in Kind]
ROLES = [role.value for role in Role]
UPDATE_SECRET_KINDS = [kind.value for kind in UpdateSecret.Kind]
WEBHOOK_FORMS = [shape.value for shape in Shape]
WEBHOOK_KINDS = list(CHOICES)
CONFIDENCES = [one.value for one in Confidence]
OEM_PROPOSAL_STATES = [state.value for state in OemProposal.State]
PROPOSAL_STATES = [state.value for state in Proposal.State]
SEVERITIES = [severity.name.lower() for severity in Severity]
SYNC_STATES = [state.value for state in SyncRun.State]
UPSTREAM_KINDS = [kind.value for kind in Upstream.Kind]
UPSTREAM_POLICIES = [policy.value for policy in Upstream.Policy]
WITHHELD = [one.value for one in Withheld]
