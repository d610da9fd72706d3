"""How often somebody may ask the API, and how they are told."""

from django.conf import settings
from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from oemupdates.services.shared.rates import Taken, take


class Rate(BaseThrottle):
    """A brake on those who ask too often, by token or by person."""

    taken: Taken | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether a request is let in."""
        size: int = settings.API_REQUESTS_A_MINUTE
        if not size:
            return True
        token = getattr(request.auth, "pk", None)
        who = f"token:{token}" if token else f"operator:{request.user.pk}"
        self.taken = take(who, size)
        request._request.rate = self.taken  # type: ignore[attr-defined]  # noqa: SLF001
        return self.taken.is_let_in

    def wait(self) -> float | None:
        """For how many seconds to stay away."""
        return self.taken.wait_seconds if self.taken else None


def tell(request: Request, response: HttpResponseBase) -> None:
    """Say in a response what is left."""
    taken: Taken | None = getattr(request._request, "rate", None)  # noqa: SLF001
    if taken is not None:
        response["RateLimit-Limit"] = str(taken.size)
        response["RateLimit-Remaining"] = str(int(taken.left))
        response["RateLimit-Reset"] = str(taken.reset_seconds)
