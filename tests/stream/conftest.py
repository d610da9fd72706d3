"""A running server, and who listens to it."""

from collections.abc import Iterator

import pytest

from oemupdates.domain.access import Role
from oemupdates.models import Operator, RoleGrant
from tests.services.makers import seeded_group
from tests.stream.listening import Running, running


@pytest.fixture
def server(transactional_db: None) -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture
def ann(transactional_db: None) -> Operator:
    return Operator.objects.create_superuser("ann", password="correct horse")


@pytest.fixture
def bert(transactional_db: None) -> Operator:
    """A viewer of the seeded stable group, and of nothing else."""
    bert = Operator.objects.create_user("bert", password="correct horse")
    RoleGrant.objects.create(operator=bert, role=Role.VIEWER, group=seeded_group())
    return bert
