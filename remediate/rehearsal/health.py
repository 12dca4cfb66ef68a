"""Readiness of a staging host: all units run steadily, and the site answers."""

import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from remediate.core.trust import trust
from remediate.rehearsal.checkout import DOMAIN, image_files
from remediate.rehearsal.container import ContainerEngine
from remediate.rehearsal.machine import StagingError, last_line

HEALTH_PATH: Final = "/health"
_ATTEMPT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A healthy host's key and authorities, read through the engine and not the network."""

    host_key: str
    authorities: str


def await_ready(engine: ContainerEngine, container: str, seconds: float) -> Ready:
    """Wait until systemd, workers and site are healthy inside, for at most `seconds`.

    Raises StagingError with the cause when the time is over.
    """
    source = (image_files() / "ready").read_text()
    argv = ("python3", "-", str(seconds), DOMAIN, HEALTH_PATH)
    done = engine.exec(container, argv, source, timeout=seconds + 30)
    if done.returncode != 0:
        found = engine.container(container)
        state = "" if found is not None and found.running else f"; it has stopped, saying: {engine.logs(container)}"
        raise StagingError(f"{container} did not become healthy: {last_line(done.stderr)}{state}")
    said = json.loads(done.stdout)
    return Ready(host_key=said["host_key"], authorities=said["ca"])


def await_site(port: int, authorities: str) -> None:
    """Wait until the site answers on 127.0.0.1:`port` with a certificate that verifies.

    Raises StagingError after ten seconds.
    """
    context = trust(authorities=authorities)
    deadline = time.monotonic() + 10
    while (trouble := _trouble(port, context)) is not None:
        if time.monotonic() > deadline:
            raise StagingError(f"the site is healthy inside but not through 127.0.0.1:{port}: {trouble}")
        time.sleep(0.2)


def _trouble(port: int, context: ssl.SSLContext) -> str | None:
    connection = http.client.HTTPSConnection(DOMAIN, timeout=_ATTEMPT_SECONDS)
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=_ATTEMPT_SECONDS)
        connection.sock = context.wrap_socket(plain, server_hostname=DOMAIN)
        connection.request("GET", HEALTH_PATH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if status == HTTPStatus.OK else f"{HEALTH_PATH} answers {status}"
