"""Get a container engine on a Debian or Ubuntu that has none: `python -m remediate.rehearsal.install`."""

import os
import shutil
import socket
import subprocess
import sys
from typing import Final

from remediate.errors import ConfigurationError
from remediate.rehearsal.container import ContainerEngine, find_engine
from remediate.rehearsal.image import REGISTRY
from remediate.rehearsal.machine import Cgroups

# runc beside podman: its usual crun refuses machines with version 1 cgroups and any raising of limits.
_ENGINE_PACKAGES: Final = ("podman", "runc", "netavark", "aardvark-dns", "uidmap", "slirp4netns", "fuse-overlayfs")
_BASE_PACKAGES: Final = ("mmdebstrap",)
_APT_SECONDS: Final = 600


def main() -> int:
    """Install what is missing and say so; 0 when an engine works afterwards, 2 with one line otherwise."""
    try:
        return _run()
    except ConfigurationError as error:
        _say(str(error))
        return 2


def _run() -> int:
    engine = _engine()
    missing = [] if engine is not None else list(_ENGINE_PACKAGES)
    if engine is not None and engine.machine.engine == "podman" and engine.machine.cgroups is not Cgroups.V2:
        missing += [] if engine.machine.has_runc else ["runc"]
    if shutil.which("mmdebstrap") is None and not _registry_answers():
        missing += _BASE_PACKAGES
    if not missing:
        _say(f"nothing to install: {engine.machine.engine} works" if engine else "nothing to install")
        return 0
    _apt(missing)
    engine = find_engine()
    _say(f"ready: {engine.machine.engine}")
    return 0


def _engine() -> ContainerEngine | None:
    try:
        return find_engine()
    except ConfigurationError:
        return None


def _registry_answers() -> bool:
    try:
        socket.create_connection((REGISTRY, 443), timeout=4).close()
    except OSError:
        return False
    return True


def _apt(packages: list[str]) -> None:
    """Install packages as root or through sudo -n; ConfigurationError with the command to type when it cannot."""
    command = f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise ConfigurationError(f"this system has no apt-get: install podman by its own means (on Debian: {command})")
    if os.geteuid() == 0:
        prefix: tuple[str, ...] = ()
    elif subprocess.run(("sudo", "-n", "true"), capture_output=True, check=False).returncode == 0:
        prefix = ("sudo", "-n")
    else:
        raise ConfigurationError(f"this needs root; run: {command}")
    apt = (*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120")
    for verb in (("update",), ("install", "--no-install-recommends", *packages)):
        _say(f"apt-get {' '.join(verb)}")
        try:
            done = subprocess.run((*apt, *verb), stdout=sys.stderr, check=False, timeout=_APT_SECONDS)
        except subprocess.TimeoutExpired:
            raise ConfigurationError(f"apt-get took more than {_APT_SECONDS} s; run: {command}") from None
        if done.returncode != 0:
            raise ConfigurationError(f"apt-get failed ({done.returncode}); run: {command}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
