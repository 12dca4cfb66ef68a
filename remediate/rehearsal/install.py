"""Install a container engine on Debian or Ubuntu: `python -m remediate.rehearsal.install [ssh]`.

With `ssh`, OpenSSH's client too.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from remediate.errors import ConfigurationError
from remediate.rehearsal.checkout import Checkout, base_reference
from remediate.rehearsal.container import ENGINE_VARIABLE, INSTALL_HINT, ContainerEngine, find_engine
from remediate.rehearsal.engine_check import check_engine
from remediate.rehearsal.image import pull, registry_answers
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.stages import Clock

# Podman only suggests or recommends most of these. runc is here because podman's default, crun, refuses version 1
# cgroups and any raising of limits. netavark publishes ports through iptables on Debian 12 and through nftables on
# Debian 13. passt and slirp4netns are the networks of a newer and an older rootless podman. Without ca-certificates no
# registry is trusted.
_ENGINE_PACKAGES: Final = (
    "podman",
    "runc",
    "netavark",
    "aardvark-dns",
    "iptables",
    "nftables",
    "uidmap",
    "passt",
    "slirp4netns",
    "fuse-overlayfs",
    "ca-certificates",
)
_BASE_PACKAGES: Final = ("mmdebstrap",)
_FURTHER: Final = {"ssh": "openssh-client"}
"""Programs that only some callers need, with their packages."""
_APT_SECONDS: Final = 600


def main(further: Sequence[str] = ()) -> int:
    """Install what is missing, and these programs; return 0 when an engine works afterwards, else 2.

    Every failure is one line on stderr.
    """
    try:
        return _run(Checkout(Path(".staging")), further)
    except ConfigurationError as error:
        _say(str(error))
        return 2


def _run(checkout: Checkout, further: Sequence[str]) -> int:
    unknown = [program for program in further if program not in _FURTHER]
    if unknown:
        raise ConfigurationError(f"{' '.join(unknown)}: besides a container engine, it installs {' '.join(_FURTHER)}")
    lacking = [program for program in further if shutil.which(program) is None]
    if lacking:
        _apt([_FURTHER[program] for program in lacking], f"{' and '.join(lacking)} is missing")
    engine, trouble = _working_engine(checkout)
    if engine is None and _docker_works(checkout):
        raise ConfigurationError(f"{trouble}; docker works here: export {ENGINE_VARIABLE}=docker, then run this again")
    missing = _absent(_ENGINE_PACKAGES) if engine is None else []
    if shutil.which("mmdebstrap") is None and not registry_answers():
        missing += _BASE_PACKAGES
    if missing:
        _apt(missing, trouble or "mmdebstrap is missing, and no container registry answers")
        engine, trouble = _working_engine(checkout)
    if engine is None:
        complete = "" if _is_docker_chosen() else "; no package of podman is missing"
        raise ConfigurationError(f"{trouble}{complete}{_choice()}")
    if not _base_can_be_had(engine):
        _apt(_BASE_PACKAGES, "mmdebstrap is missing, and no container registry gives Debian")
    _say(f"ready: {engine.machine.engine} runs a container, and its published port answers")
    return 0


def _working_engine(checkout: Checkout) -> tuple[ContainerEngine | None, str]:
    """Return an engine that passes the check, or None and what is wrong with it."""
    try:
        engine = find_engine()
        check_engine(engine, checkout.identity)
    except (ConfigurationError, StagingError) as error:
        return None, str(error).removesuffix(f"; {INSTALL_HINT}")
    return engine, ""


def _docker_works(checkout: Checkout) -> bool:
    """Return whether docker passes the check, where nobody has chosen an engine: podman is tried first."""
    if os.environ.get(ENGINE_VARIABLE):
        return False
    try:
        check_engine(find_engine("docker"), checkout.identity)
    except (ConfigurationError, StagingError):
        return False
    return True


def _is_docker_chosen() -> bool:
    return os.environ.get(ENGINE_VARIABLE) == "docker"


def _absent(packages: Sequence[str]) -> list[str]:
    """Return the packages that are not installed: none of podman's where docker is chosen."""
    if _is_docker_chosen():
        return []
    if shutil.which("dpkg-query") is None:
        return [*packages]
    asked = ("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages)
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    return [package for package in packages if f"{package} installed" not in told]


def _base_can_be_had(engine: ContainerEngine) -> bool:
    """Return whether the base of the staging image is here or can be made here."""
    if shutil.which("mmdebstrap") is not None or engine.has_image(base_reference()):
        return True
    return pull(engine, Clock(_say))


def _choice() -> str:
    return f"; to use one in particular: {ENGINE_VARIABLE}=podman or {ENGINE_VARIABLE}=docker"


def _apt(packages: list[str] | tuple[str, ...], trouble: str) -> None:
    """Install packages as root or through `sudo -n`.

    Raises ConfigurationError with the command to type when it cannot.
    """
    command = f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise ConfigurationError(
            f"{trouble}; this system has no apt-get: install it by its own means (on Debian: {command})"
        )
    if os.geteuid() == 0:
        prefix: tuple[str, ...] = ()
    elif (
        shutil.which("sudo")
        and subprocess.run(("sudo", "-n", "true"), capture_output=True, check=False).returncode == 0
    ):
        prefix = ("sudo", "-n")
    else:
        raise ConfigurationError(f"{trouble}; to install what it needs takes root; run: {command}{_choice()}")
    apt = (*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120")
    _say(f"{trouble}: installing {' '.join(packages)}")
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
    sys.exit(main(sys.argv[1:]))
