"""What django-allauth asks of this server: how people log in here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from oemupdates.dashboard.middleware import address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Accounts are made by administrators and at providers, never by those who come."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account of their own."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Where somebody comes from, as far as this server's proxies are believed."""
        return address(request) or "0.0.0.0"  # noqa: S104 - unknown; nothing is bound

    def add_message(self, *_args: Any, **_more: Any) -> None:
        """Say nothing: pages speak in words of their own."""
