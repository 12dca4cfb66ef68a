"""Proof of a working engine: a container with a published port that answers."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Final

from remediate.rehearsal.checkout import CHECKOUT_LABEL, LABEL
from remediate.rehearsal.container import ContainerEngine
from remediate.rehearsal.machine import StagingError, plain_flags

_SECONDS: Final = 15.0
_PORT: Final = 8000
_ANSWER: Final = b"ready"
_SERVER: Final = f"""import socket
with socket.create_server(("", {_PORT})) as server:
    while True:
        with server.accept()[0] as client:
            client.sendall({_ANSWER!r})
"""
# An archive without files makes an image without any registry.
_EMPTY_ARCHIVE: Final = "\0" * 10240


def check_engine(engine: ContainerEngine, owner: str) -> None:
    """Start a container that listens on a published port, and connect to it.

    `owner` is the checkout's identity. The container's programs are this machine's own, mounted read-only. On other
    systems than Linux nothing is checked: there an engine brings its own virtual machine, which needs nothing more and
    cannot run our programs.

    Raises StagingError or ConfigurationError, with the engine's message.
    """
    if sys.platform != "linux":
        return
    name = f"remediate-{owner}-engine-check"
    image = f"localhost/remediate-engine-check:{owner}"
    labels = {LABEL: "engine-check", CHECKOUT_LABEL: owner}
    label_flags = tuple(part for key, value in labels.items() for part in ("--label", f"{key}={value}"))
    engine.rm(name)  # left behind by an interrupted check
    try:
        engine.call("import", "-", image, stdin=_EMPTY_ARCHIVE)
        # SELinux would not let a container read the mounted programs.
        flags = (*plain_flags(engine.machine), *label_flags, "--security-opt", "label=disable")
        published = ("-p", f"127.0.0.1::{_PORT}")
        python = os.path.realpath(sys.executable)
        argv = (python, "-I", "-S", "-c", _SERVER)
        engine.call("run", "-d", "--name", name, *flags, *published, *_programs(), image, *argv)
        _await_answer(engine, name)
    finally:
        engine.rm(name)
        engine.rmi(image)


def _programs() -> tuple[str, ...]:
    """Return the mounts of Python and its libraries."""
    folders = {"/usr", "/lib", "/lib64", os.path.realpath(sys.base_prefix)}
    present = sorted(folder for folder in folders if Path(folder).is_dir())
    return tuple(part for folder in present for part in ("-v", f"{os.path.realpath(folder)}:{folder}:ro"))


def _await_answer(engine: ContainerEngine, name: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        container = engine.container(name)
        if container is None or not container.running:
            raise StagingError(f"{engine.machine.engine}: a container ended at once: {engine.logs(name)}")
        port = container.ports.get(_PORT)
        if port is None:
            raise StagingError(f"{engine.machine.engine} published no port on 127.0.0.1")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
                if client.recv(len(_ANSWER)) == _ANSWER:
                    return
        except OSError:  # not listening yet
            pass
        time.sleep(0.1)
    raise StagingError(f"{engine.machine.engine}: a published port did not answer within {_SECONDS:.0f} s")
