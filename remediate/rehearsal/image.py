"""The staging image, from a registry's Debian or from mmdebstrap, built once per content."""

import os
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Final

from remediate.errors import ConfigurationError
from remediate.rehearsal.checkout import (
    HOST_FLAGS,
    LABEL,
    MMDEBSTRAP,
    Checkout,
    base_reference,
    image_files,
    image_reference,
)
from remediate.rehearsal.container import ContainerEngine
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.stages import Clock, Progress, stream, stream_into

_REGISTRY: Final = "registry-1.docker.io"
DEBIAN: Final = "docker.io/library/debian:bookworm-slim"
_BUILDER: Final = "_builder"  # no staging host can have this name
_INSIDE: Final = "/opt/remediate-staging"


def build(engine: ContainerEngine, checkout: Checkout, progress: Progress) -> str:
    """Return the reference of the current image; build what is missing.

    The first build takes a minute or two. Raises ConfigurationError where no base system is available, StagingError
    where a stage fails.
    """
    reference = image_reference(checkout)
    if engine.has_image(reference):
        return reference
    with checkout.alone("build", progress):
        if engine.has_image(reference):
            return reference
        clock = Clock(progress)
        builder = checkout.container(_BUILDER)
        engine.rm(builder)  # left behind by an interrupted build
        try:
            base = base_reference()
            if not engine.has_image(base):
                _build_base(engine, checkout, base, clock)
            _build_host(engine, checkout, base, reference, clock)
        finally:
            engine.rm(builder)
        clock.say("image ready")
    return reference


def _build_base(engine: ContainerEngine, checkout: Checkout, reference: str, clock: Clock) -> None:
    labels = {LABEL: "base", **checkout.labels}
    if pull(engine, clock):
        builder = checkout.container(_BUILDER)
        clock.say("installing packages into debian:bookworm-slim")
        engine.idle(builder, DEBIAN, labels={LABEL: "builder", **checkout.labels})
        engine.call("cp", f"{image_files()}/.", f"{builder}:{_INSIDE}")
        stream((engine.binary, "exec", builder, "sh", f"{_INSIDE}/base.sh"), clock, ("stage: ",), 900)
        engine.commit(builder, reference, labels=labels)
        engine.rm(builder)
        return
    import_debian(engine, reference, (image_files() / "packages.txt").read_text().split(), labels, clock)


def import_debian(
    engine: ContainerEngine, reference: str, packages: Sequence[str], labels: Mapping[str, str], clock: Clock
) -> None:
    """Make an image of Debian and these packages without a registry. Raises ConfigurationError without mmdebstrap."""
    if shutil.which("mmdebstrap") is None:
        raise ConfigurationError("no container registry answers and mmdebstrap is missing: apt-get install mmdebstrap")
    clock.say("no container registry answers: building Debian with mmdebstrap")
    changes = tuple(part for key, value in labels.items() for part in ("--change", f"LABEL {key}={value}"))
    # It has a separate name until it is complete: an aborted build must not leave a base that looks right.
    partial = f"{reference}-partial"
    stream_into(
        (*MMDEBSTRAP, f"--include={','.join(packages)}", "bookworm", "-"),
        (engine.binary, "import", *changes, "-", partial),
        clock,
        ("I: downloading", "I: extracting", "I: installing"),
        900,
    )
    engine.call("tag", partial, reference)
    engine.rmi(partial)


def _build_host(engine: ContainerEngine, checkout: Checkout, base: str, reference: str, clock: Clock) -> None:
    """Boot the base, install the application with running services, and commit the stopped container."""
    builder = checkout.container(_BUILDER)
    clock.say("booting the builder")
    labels = {LABEL: "builder", **checkout.labels}
    engine.boot(builder, base, hostname="builder", labels=labels, flags=HOST_FLAGS)
    await_systemd(engine, builder, 60)
    engine.call("cp", f"{image_files()}/.", f"{builder}:{_INSIDE}")
    stream((engine.binary, "exec", builder, "bash", f"{_INSIDE}/provision.sh"), clock, ("stage: ",), 300)
    clock.say("stopping and committing")
    engine.stop(builder)
    labels = {LABEL: "image", **checkout.labels}
    engine.commit(builder, reference, labels=labels)
    for superseded in engine.images(labels):
        if superseded != reference:
            engine.rmi(superseded)


def await_systemd(engine: ContainerEngine, name: str, seconds: float) -> None:
    """Wait until the container's systemd has started everything, failed units or not.

    Raises StagingError after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = engine.exec(name, ("systemctl", "is-system-running"), timeout=15).stdout.strip()
        if state in {"running", "degraded"}:
            return
        time.sleep(0.2)
    raise StagingError(f"systemd in {name} did not start within {seconds:.0f} s")


def pull(engine: ContainerEngine, clock: Clock) -> bool:
    """Return whether a registry provides Debian; a "no" takes a few seconds at most."""
    if engine.has_image(DEBIAN):
        return True
    clock.say("looking for a container registry")
    if not registry_answers():
        return False
    try:
        engine.call("pull", "-q", DEBIAN, timeout=180)
    except StagingError:
        return False
    return True


def registry_answers() -> bool:
    """Return whether the registry can be reached.

    Behind a proxy only a pull can show that, so the answer is yes.
    """
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    try:
        socket.create_connection((_REGISTRY, 443), timeout=4).close()
    except OSError:
        return False
    return True
