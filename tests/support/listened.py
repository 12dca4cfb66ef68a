"""An application of the service that listens on a port of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from fastapi import FastAPI

from remediate.service.server import HERE, http_server, listening


@contextmanager
def listened(app: FastAPI) -> Iterator[int]:
    """Serve an application in a thread, and yield its port."""
    server = http_server(app, lambda: None)
    with listening(HERE, 0, behind_proxy=False) as taken:
        thread = Thread(target=server.run, args=([taken],))
        thread.start()
        try:
            yield taken.getsockname()[1]
        finally:
            server.end()
            thread.join()
