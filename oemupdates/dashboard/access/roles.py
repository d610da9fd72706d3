"""Admin > Roles: what each role may do, and how many have it."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame.acting import needs
from oemupdates.domain.access import EVERYWHERE_ONLY, PERMISSIONS, ROLES, Permission, Role
from oemupdates.models import Operator, RoleGrant


@require_safe
@needs(Permission.READ_SECURITY)
def roles(request: HttpRequest) -> HttpResponse:
    """Show what each role may do, and how many have it."""
    grants = RoleGrant.objects.filter(operator__is_active=True).order_by().values("role")
    holders = dict(grants.values_list("role", Count("operator", distinct=True)))
    context = {
        "roles": [(role.value, holders.get(role.value, 0)) for role in Role],
        "rows": [
            (
                words,
                permission in EVERYWHERE_ONLY,
                [(role.value, permission in ROLES[role]) for role in Role],
            )
            for permission, words in PERMISSIONS.items()
        ],
        "superusers": Operator.objects.filter(is_superuser=True, is_active=True),
    }
    return render(request, "dashboard/roles.html", context)
