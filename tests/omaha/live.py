"""The whole server behind its real HTTP server, for those who speak to it over a socket."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from fleet.asgi import Fleet

DEADLINE_SECONDS = 20


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Where a real server listens, for as long as it is needed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(Fleet(), lifespan="on", log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + DEADLINE_SECONDS
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()
