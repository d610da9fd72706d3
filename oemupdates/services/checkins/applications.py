"""Registering what nodes may ask updates for."""

import re
import uuid as uuids

from django.db.models import Q

from oemupdates.models import Application, Operator
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_MAX_NAME = 64
_PRODUCT_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}", re.ASCII)


class CannotRegister(activity.Refused):
    """The application's name, UUID or product id is no good, or taken."""


def register(
    name: str, *, by: Operator | None, uuid: str = "", product_id: str = ""
) -> Application:
    """Register an application, so that nodes that name its UUID or product id are answered.

    Without a UUID it gets a new one; braces around it are taken off. Raises `CannotRegister`.
    """
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    if not name:
        raise CannotRegister("An application needs a name.")
    if product_id and not _PRODUCT_ID.fullmatch(product_id):
        raise CannotRegister(f"{product_id!r} is no product id like org.example.os.")
    wanted = _read_uuid(uuid) if uuid else uuids.uuid4()
    with changing():
        same = Q(name=name) | Q(uuid=wanted)
        if product_id:
            same |= Q(product_id__iexact=product_id)
        taken = Application.objects.filter(same).first()
        if taken is not None:
            raise CannotRegister(f"{taken} has this name, UUID or product id already.")
        application = Application.objects.create(name=name, uuid=wanted, product_id=product_id)
        activity.record(
            verb="application.registered",
            subject=application,
            by=by,
            after={"uuid": str(wanted), "product_id": product_id},
        )
    return application


def _read_uuid(text: str) -> uuids.UUID:
    try:
        return uuids.UUID(text.strip())
    except ValueError:
        raise CannotRegister(f"{text!r} is no UUID.") from None
