"""Who may open the doors that stand in front of Django."""

import pytest
from django.conf import settings

from tests.access.actors import everybody
from tests.access.routes import table
from tests.stream.listening import Listener, running

UNAUTHORIZED = 401


@pytest.mark.django_db(transaction=True)
def test_streams_are_opened_by_whom_the_table_says() -> None:
    """`/events` stands in front of Django, so the table's line is walked over a socket."""
    (line,) = [line for line in table() if line.route == "events"]
    actors = everybody()
    with running() as server:
        for one in actors:
            session = (
                one.client.cookies[settings.SESSION_COOKIE_NAME].value if one.operator else ""
            )
            listener = Listener(server.address, "overview", session=session)
            assert listener.status == (200 if one.may(line) else UNAUTHORIZED), one.name
            listener.close()
