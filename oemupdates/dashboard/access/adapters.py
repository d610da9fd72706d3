"""What django-allauth asks of this server: how people log in here."""

import re
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.utils.safestring import SafeString

from oemupdates.dashboard.frame.middleware import address
from oemupdates.models import Operator
from oemupdates.services.access.sessions import LISTED
from oemupdates.services.shared import sealing

PURPOSE = "second factor"


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

    def login(self, request: HttpRequest, user: Operator) -> None:
        """Begin a session, which allauth then puts on the list of them."""
        super().login(request, user)
        request.session[LISTED] = True

    def get_login_stages(self) -> list[str]:
        """What a log-in passes before its session begins: our second step, and no other."""
        return ["oemupdates.dashboard.access.entering.SecondFactorStage"]

    def is_reauthentication_required(self, *, app: str, **_more: Any) -> bool:
        """Never by allauth: pages are guarded by `@proven`."""
        return False

    def send_notification_mail(self, *_args: Any, **_more: Any) -> None:
        """Send nothing: activity tells."""


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth has no types
    """Second factors: their secrets sealed, the picture of a new one as part of the page."""

    def encrypt(self, text: str) -> str:
        """Seal the secret of an authenticator app or of recovery codes."""
        return sealing.seal(text, purpose=PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        """Open it again."""
        return sealing.unseal(encrypted_text, purpose=PURPOSE)

    def get_totp_label(self, user: Operator) -> str:
        """What the app calls the account."""
        return user.username

    def build_totp_svg(self, url: str) -> str:
        """Draw the code on white in either theme; it holds nothing that somebody typed."""
        drawn: str = re.sub(r"^<\?xml.*?\?>\s*", "", super().build_totp_svg(url))
        return SafeString(drawn.replace(">", '><rect width="100%" height="100%" fill="#fff"/>', 1))
