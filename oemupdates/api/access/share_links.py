"""Badges and links to the wallboard over the API."""

from typing import Any

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Body, Plain, Reasoned, Shape, Text, key
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.frame.shapes import GroupRef, OperatorRef
from oemupdates.api.groups.groups import seen, within
from oemupdates.domain import snippet
from oemupdates.domain.access import Permission
from oemupdates.models import Group, ShareLink
from oemupdates.services.access import share_links as verbs

BY_NAME = Order(("name", "pk"), is_descending=False)


class BadgeShape(Plain):
    """A group's status badge: a picture that whoever has the address sees."""

    url = serializers.CharField()
    markdown = serializers.CharField(help_text="The badge, leading to the group's page.")
    made_at = serializers.DateTimeField()


class WallboardLinkShape(Shape):
    """A link by which a screen shows the wallboard without a log-in."""

    group = GroupRef(allow_null=True, help_text="null: the whole fleet")
    made_by = OperatorRef(allow_null=True)

    class Meta:
        model = ShareLink
        fields = ("id", "name", "group", "made_at", "made_by", "last_used_at")


class WallboardAddressShape(Plain):
    """A link, and the address that a screen opens."""

    link = WallboardLinkShape()
    url = serializers.CharField()


class NewWallboardLink(Body):
    """Which screen a link is for, and what it shows."""

    name = Text(max_length=100)
    group = key(
        required=False, allow_null=True, help_text="A group's id; null or none: the whole fleet."
    )


class Badge(Resource):
    """A group's status badge."""

    tag = "groups"

    @operation(
        "get_group_badge", needs=Permission.OPERATE_GROUPS, gives=BadgeShape, is_secret=True
    )
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Show the address of a group's badge; 404 if it has none."""
        group = _operated(call, pk)
        link = ShareLink.objects.filter(group=group, kind=ShareLink.Kind.BADGE).first()
        if link is None:
            raise Http404
        return _badge(group, link)

    @operation(
        "make_group_badge",
        needs=Permission.OPERATE_GROUPS,
        gives=BadgeShape,
        is_secret=True,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> dict[str, Any]:
        """Give a group a badge; the address of one that it had is dead from then on."""
        group = _operated(call, pk)
        return _badge(group, verbs.make_badge(group, by=call.by, now=timezone.now()))


class RevokingBadge(Resource):
    """Ending a badge."""

    tag = "groups"

    @operation("revoke_group_badge", needs=Permission.OPERATE_GROUPS, takes=Reasoned)
    def post(self, call: Call, pk: int) -> None:
        """Let a group's badge be seen no more."""
        group = _operated(call, pk)
        verbs.revoke_badge(group, by=call.by, why=call.said.get("why", ""))


class WallboardLinks(Resource):
    """Links to the wallboard."""

    tag = "wallboard"

    @operation(
        "list_wallboard_links",
        needs=Permission.OPERATE_GROUPS,
        gives=WallboardLinkShape,
        lists=True,
    )
    def get(self, call: Call) -> Listed[ShareLink]:
        """List the links for screens, by name, as far as you may operate what they show."""
        reach = call.where(Permission.OPERATE_GROUPS)
        found = ShareLink.objects.filter(kind=ShareLink.Kind.WALLBOARD).within(reach)
        return Listed(found.select_related("group", "made_by"), BY_NAME)

    @operation(
        "create_wallboard_link",
        needs=Permission.OPERATE_GROUPS,
        gives=WallboardAddressShape,
        takes=NewWallboardLink,
        status=201,
        is_secret=True,
        is_dangerous=True,
    )
    def post(self, call: Call) -> dict[str, Any]:
        """Make a link for a screen, to the wallboard of a group or of the whole fleet."""
        group = _shown(call)
        call.require(Permission.OPERATE_GROUPS, group=group.pk if group else None)
        made = verbs.make_wallboard(call.said["name"], group=group, by=call.by, now=timezone.now())
        return _address(made)


class OneWallboardLink(Resource):
    """One link to the wallboard."""

    tag = "wallboard"

    @operation(
        "get_wallboard_link",
        needs=Permission.OPERATE_GROUPS,
        gives=WallboardAddressShape,
        is_secret=True,
    )
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Show a link with its address."""
        return _address(_link(call, pk))


class RevokingWallboardLink(Resource):
    """Ending a link to the wallboard."""

    tag = "wallboard"

    @operation("revoke_wallboard_link", needs=Permission.OPERATE_GROUPS, takes=Reasoned)
    def post(self, call: Call, pk: int) -> None:
        """Let a link show nothing more."""
        verbs.revoke_wallboard(_link(call, pk), by=call.by, why=call.said.get("why", ""))


def _operated(call: Call, pk: int) -> Group:
    group = seen(call, pk)
    call.require(Permission.OPERATE_GROUPS, group=pk)
    return group


def _badge(group: Group, link: ShareLink) -> dict[str, Any]:
    url = settings.FLEET_URL + reverse("dashboard:badge", args=[verbs.secret_of(link)])
    page = settings.FLEET_URL + reverse("dashboard:group", args=[group.pk])
    return {
        "url": url,
        "markdown": snippet.badge(group.name, image=url, page=page),
        "made_at": link.made_at,
    }


def _shown(call: Call) -> Group | None:
    wanted = call.said.get("group")
    if wanted is None:
        return None
    group = within(call.where()).filter(pk=wanted).first()
    if group is None:
        faults = [Fault("/group", "There is no group with this id.")]
        raise Unprocessable("See errors for what is wrong.", faults=faults)
    return group


def _link(call: Call, pk: int) -> ShareLink:
    links = ShareLink.objects.wallboards().within(call.where(Permission.OPERATE_GROUPS))
    return get_object_or_404(links.select_related("group", "made_by"), pk=pk)


def _address(link: ShareLink) -> dict[str, Any]:
    path = reverse("dashboard:wallboard_shared", args=[verbs.secret_of(link)])
    return {"link": link, "url": settings.FLEET_URL + path}
