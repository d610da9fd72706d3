"""JSON, and tables where there are lists; nothing is rendered for a browser to look at."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from oemupdates.api.frame import answering


class Json(BaseRenderer):
    """JSON; the frame has written it by the time that a renderer would be asked."""

    media_type, format = answering.JSON, "json"
    charset = None

    def render(self, data: Any, *_args: Any, **_kwargs: Any) -> bytes:
        """Write JSON."""
        return answering.dump(data)


class Csv(Json):
    """A table."""

    media_type, format = answering.CSV, "csv"


class Negotiation(DefaultContentNegotiation):
    """What `format=` says goes before what Accept says."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Choose between JSON and a table."""
        renderers = list(renderers)
        wanted = request.query_params.get("format")
        for renderer in renderers:
            if renderer.format == wanted:
                return renderer, str(renderer.media_type)
        renderer, media_type = super().select_renderer(request, renderers, format_suffix)
        return renderer, str(media_type)
