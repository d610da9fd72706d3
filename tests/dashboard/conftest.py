"""Who looks at the pages."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from oemupdates.models import Operator

PASSWORD = "correct horse battery"


def log_in(operator: Operator) -> Client:
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def admin(db: None) -> Operator:
    return Operator.objects.create_superuser("admin", password=PASSWORD)


@pytest.fixture
def viewer(db: None) -> Operator:
    """Somebody who logs in and has no permission at all."""
    return Operator.objects.create_user("viewer", password=PASSWORD)


@pytest.fixture
def page(admin: Operator) -> Client:
    """The pages as somebody sees them who may do everything."""
    return log_in(admin)


def permit(operator: Operator, *codenames: str) -> Operator:
    """Give an operator some permissions; as read anew, since they are cached."""
    permissions = Permission.objects.filter(
        content_type__app_label="oemupdates", codename__in=codenames
    )
    assert len(permissions) == len(codenames)
    operator.user_permissions.add(*permissions)
    return Operator.objects.get(pk=operator.pk)
