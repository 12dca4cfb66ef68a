"""Staging hosts: boot, check, find and remove them."""

import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remediate.errors import ConfigurationError
from remediate.rehearsal.checkout import CHECKOUT_LABEL, HOST_FLAGS, LABEL, Checkout
from remediate.rehearsal.container import Container, ContainerEngine, find_engine
from remediate.rehearsal.health import await_ready, await_site
from remediate.rehearsal.image import build
from remediate.rehearsal.machine import StagingError, last_line
from remediate.rehearsal.placement import Placement, Ports, fingerprint, recorded, write
from remediate.rehearsal.stages import Progress

MARKER: Final = "/etc/remediate-staging"
DEADLINE_SECONDS: Final = 60.0
NAME_LABEL: Final = "io.remediate.name"
IMAGE_LABEL: Final = "io.remediate.image"
INVENTORY_LABEL: Final = "io.remediate.inventory"
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_PUBLISH: Final = tuple(part for port in (22, 80, 443) for part in ("-p", f"127.0.0.1::{port}"))
_ADMIT: Final = f"""set -eu
install -m 600 -o forge -g forge /dev/stdin /home/forge/.ssh/authorized_keys
printf '%s\\n' "$1" > {MARKER}
"""


@dataclass(frozen=True, slots=True)
class StagingHost:
    """A running staging host. Its methods use the engine, so they work without SSH."""

    name: str
    container: str
    engine: ContainerEngine
    ports: Ports
    host_key: str
    placement: Placement

    @property
    def key(self) -> Path:
        """The SSH client key of user forge."""
        return self.placement.key

    @property
    def ca(self) -> Path:
        """PEM file of the authorities to trust for the site."""
        return self.placement.ca

    @property
    def shell_argv(self) -> tuple[str, ...]:
        """The command that opens a root shell on a terminal."""
        return (self.engine.binary, "exec", "-it", self.container, "/bin/bash", "-l")

    def exec(
        self, argv: Sequence[str], stdin: str | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as root on the host. The caller judges its exit code."""
        return self.engine.exec(self.container, argv, stdin, timeout)

    def script(self, text: str, timeout: float = 60) -> str:
        """Run a bash script as root and return its output.

        Raises StagingError when any of its commands fails.
        """
        done = self.exec(("/bin/bash", "-euo", "pipefail", "-s"), text, timeout)
        if done.returncode != 0:
            raise StagingError(f"a script failed on {self.name} ({done.returncode}): {last_line(done.stderr)}")
        return done.stdout

    def reboot(self) -> "StagingHost":
        """Restart the container in order and return the healthy host.

        Ports and authorities may be new.
        """
        self.engine.stop(self.container)
        self.engine.call("start", self.container)
        return _settle(self.engine, self.container, self.placement)


def up(
    name: str,
    *,
    directory: Path,
    inventory: Path,
    installation: Callable[[str], str] | None = None,
    image: str | None = None,
    fresh: bool = False,
    progress: Progress = lambda _: None,
) -> StagingHost:
    """Return a healthy staging host; boot or replace it where needed.

    `directory` takes keys, `inventory` the host's variables. `installation` returns the script that gives the login its
    permissions; it is called once the inventory exists. `image` skips building. `fresh` replaces a healthy host too.
    Raises ConfigurationError, or StagingError when the host does not come up.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no staging host's name: lower-case letters, digits and dashes")
    start = time.monotonic()
    checkout = Checkout(directory)
    engine = find_engine()
    reference = image or build(engine, checkout, progress)
    placement = Placement(name, directory, inventory)
    with checkout.alone(name, progress):
        host = None if fresh else _standing(engine, checkout.container(name), reference, placement)
        if host is None:
            progress(f"booting {name}")
            host = _boot(engine, checkout, reference, placement)
        if installation is not None:
            done = host.exec(("/bin/sh", "-s"), installation(name))
            if done.returncode != 0:
                complaint = next(iter(done.stderr.splitlines()), "without saying why")
                raise StagingError(f"what {name} needs cannot be installed: {complaint}")
    progress(f"{name} is up after {time.monotonic() - start:.1f} s")
    return host


def find(name: str, *, directory: Path) -> StagingHost:
    """Return a running staging host that `up` made, in any state.

    Raises ConfigurationError when none runs.
    """
    engine = find_engine()
    container = Checkout(directory).container(name)
    found = engine.container(container)
    if found is None or not found.running:
        raise ConfigurationError(f"no staging host {name} is running here: bring it up with staging.up")
    placement = Placement(name, directory, Path(found.labels[INVENTORY_LABEL]))
    key = engine.exec(container, ("cat", "/etc/ssh/ssh_host_ed25519_key.pub")).stdout
    return StagingHost(name, container, engine, _ports(found), fingerprint(key), placement)


def down(
    name: str | None = None, *, directory: Path, images: bool = False, progress: Progress = lambda _: None
) -> tuple[str, ...]:
    """Remove one staging host, or all of this checkout; return the removed names.

    Without a name, leftovers of crashed runs are removed too. `images` removes this checkout's images as well. Raises
    ConfigurationError without an engine.
    """
    engine = find_engine()
    checkout = Checkout(directory)
    for container in engine.containers(checkout.labels if name is None else {**checkout.labels, NAME_LABEL: name}):
        engine.rm(container.name)
    removed = [one for one in recorded(directory) if name in (None, one.name)]
    for placement in removed:
        placement.remove()
        progress(f"removed {placement.name}")
    if images:
        for image in engine.images(checkout.labels):
            progress(f"removed image {image}" if engine.rmi(image) else f"kept image {image}: it is in use")
    return tuple(placement.name for placement in removed)


def _boot(engine: ContainerEngine, checkout: Checkout, reference: str, placement: Placement) -> StagingHost:
    container = checkout.container(placement.name)
    labels = {
        LABEL: "host",
        CHECKOUT_LABEL: checkout.identity,
        NAME_LABEL: placement.name,
        IMAGE_LABEL: reference,
        INVENTORY_LABEL: str(placement.inventory.resolve()),
    }
    public = placement.ensure_key()
    placement.note()
    engine.rm(container)
    engine.boot(container, reference, hostname=placement.name, labels=labels, flags=(*HOST_FLAGS, *_PUBLISH))
    done = engine.exec(container, ("/bin/sh", "-c", _ADMIT, "sh", placement.name), public)
    if done.returncode != 0:
        raise StagingError(f"the key of user forge could not be put on {placement.name}: {last_line(done.stderr)}")
    return _settle(engine, container, placement)


def _standing(engine: ContainerEngine, container: str, reference: str, placement: Placement) -> StagingHost | None:
    """Return the running host; None when it is stopped, unhealthy, outdated or without keys."""
    found = engine.container(container)
    wanted = {IMAGE_LABEL: reference, INVENTORY_LABEL: str(placement.inventory.resolve())}
    if found is None or not found.running or not wanted.items() <= found.labels.items():
        return None
    if not placement.key.exists():
        return None
    try:
        return _settle(engine, container, placement, seconds=2)
    except StagingError:
        return None


def _settle(
    engine: ContainerEngine, container: str, placement: Placement, seconds: float = DEADLINE_SECONDS
) -> StagingHost:
    """Wait until the host is healthy inside and from here, then write its inventory."""
    ready = await_ready(engine, container, seconds)
    found = engine.container(container)
    if found is None:
        raise StagingError(f"{container} disappeared")
    ports = _ports(found)
    await_site(ports.https, ready.authorities)
    host_key = fingerprint(ready.host_key)
    write(placement.ca, ready.authorities, 0o644)
    placement.write_inventory(ports, host_key)
    return StagingHost(placement.name, container, engine, ports, host_key, placement)


def _ports(found: Container) -> Ports:
    try:
        return Ports(ssh=found.ports[22], http=found.ports[80], https=found.ports[443])
    except KeyError as error:
        raise StagingError(f"port {error} of {found.name} is not published on 127.0.0.1") from None
