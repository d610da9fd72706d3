"""The server as one ASGI application: the update endpoint and payloads, beside Django."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")

# Django must be set up before anything of ours is imported.
django: Any = WSGIMiddleware(cast(Any, get_wsgi_application()), workers=8)

from django.conf import settings  # noqa: E402
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware  # noqa: E402

from oemupdates.omaha import endpoint  # noqa: E402
from oemupdates.omaha.lifespan import UpdateService  # noqa: E402
from oemupdates.payloads import sysupdate  # noqa: E402
from oemupdates.payloads.endpoint import PayloadEndpoint  # noqa: E402
from oemupdates.reports import endpoint as reports  # noqa: E402
from oemupdates.stream import endpoint as stream  # noqa: E402

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Door = Callable[[Scope, Receive, Send], Awaitable[None]]


class Fleet:
    """Sends each request to its door: check-ins, reports, payloads, streams, or Django."""

    def __init__(self) -> None:
        self.updates: UpdateService | None = None
        self.events: stream.EventEndpoint | None = None
        self.reports: reports.ReportEndpoint | None = None
        self.payloads = PayloadEndpoint()
        self.sysupdate = sysupdate.SysupdateEndpoint()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or live through the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        await self._door(scope["path"])(scope, receive, send)

    def _door(self, path: str) -> Door:
        if _is_below(endpoint.PATH, path):
            return self._update_service().endpoint
        if _is_below(reports.PATH, path):
            if self.reports is None:
                refuse = self._update_service().rejections.add
                self.reports = reports.ReportEndpoint(refuse)
            return self.reports
        if _is_below("/payloads", path):
            return self.payloads
        if _is_below(sysupdate.PATH, path):
            return self.sysupdate
        if path == stream.PATH:
            self.events = self.events or stream.EventEndpoint()
            return self.events
        return cast(Door, django)

    def _update_service(self) -> UpdateService:
        if self.updates is None:
            # A server without lifespan events: begin at the first check-in.
            self.updates = UpdateService()
            self.updates.start()
        return self.updates

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.updates = UpdateService()
                self.updates.start()
                self.events = stream.EventEndpoint()
                # `fleet.http` calls it when the server is asked to end; this here is told so only
                # after the last request has ended, and a stream does not end by itself.
                scope.get("state", {})["drain"] = self.events.hub.drain
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self.events is not None:
                    await self.events.hub.stop()
                if self.updates is not None:
                    await self.updates.stop()
                await self.payloads.takings.stop()
                await self.sysupdate.polls.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _is_below(place: str, path: str) -> bool:
    return path == place or path.startswith(f"{place}/")


application: Any = Fleet()
if settings.TRUSTED_PROXIES:
    application = ProxyHeadersMiddleware(application, trusted_hosts=settings.TRUSTED_PROXIES)
