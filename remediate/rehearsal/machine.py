"""The container capabilities of this machine, and the flags for systemd in a container.

Two facts decide the choices. crun refuses version 1 cgroups and any raising of limits. On version 1, systemd is not
informed when a cgroup becomes empty, so a unit whose main process dies before its children stays "deactivating" for 90
seconds. No real server of today does that.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Literal

from remediate.errors import ConfigurationError, RemediateError

OPEN_FILES: Final = 65536
PROCESSES: Final = 4096
CGROUP_VARIABLE: Final = "REMEDIATE_CGROUP"
_TMPFS: Final = ("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp")  # noqa: S108  # inside the container
_OWN_CGROUP: Final = (
    f'mkdir -p "/sys/fs/cgroup/${CGROUP_VARIABLE}" && echo 1 > "/sys/fs/cgroup/${CGROUP_VARIABLE}/cgroup.procs"'
    " && exec /sbin/init"
)
_CAP_SYS_RESOURCE: Final = 24


class StagingError(RemediateError):
    """The engine or the staging host failed. The text is one line with the last message."""


class Cgroups(Enum):
    """The machine's control groups, which decide how a container's systemd gets its own."""

    V2 = "v2"
    HYBRID = "v1 with an empty v2 tree"
    V1 = "v1"


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts of a machine and engine that decide the flags. Limits are counts, not bytes."""

    engine: Literal["podman", "docker"]
    rootless: bool
    cgroups: Cgroups
    v2_tree: str | None
    raises_limits: bool
    open_files: int
    processes: int
    has_runc: bool

    @property
    def gives_v2_tree(self) -> bool:
        """Return whether containers get the machine's empty version 2 tree.

        A rootless engine may not write to it.
        """
        return self.cgroups is Cgroups.HYBRID and self.v2_tree is not None and not self.rootless


def plain_flags(machine: Machine) -> tuple[str, ...]:
    """Return the flags that any container needs on this machine, even without systemd.

    Raises ConfigurationError when podman has no runtime that works here.
    """
    flags: list[str] = []
    if machine.engine == "podman" and machine.cgroups is not Cgroups.V2:
        if not machine.has_runc:
            raise ConfigurationError("podman's crun refuses this machine's v1 cgroups: apt-get install runc")
        flags += ["--runtime", "runc"]
    if machine.raises_limits:
        return (*flags, "--ulimit", f"nofile=1024:{OPEN_FILES}")
    files = min(OPEN_FILES, machine.open_files)
    processes = min(PROCESSES, machine.processes)
    flags += ["--ulimit", f"nofile={min(1024, files)}:{files}", "--ulimit", f"nproc={processes}:{processes}"]
    return tuple(flags)


def boot_flags(machine: Machine, cgroup: str) -> tuple[str, ...]:
    """Return the flags that let an image's systemd boot as on a server.

    `cgroup` names the container's own group. Raises ConfigurationError when podman has no runtime that works here.
    """
    # sshd and sudo write audit records, sshd changes its root, ping carries a file capability: engines differ in which
    # of these they grant by default. Without SYS_PTRACE, root cannot see which process owns another user's port or
    # file.
    flags = [*plain_flags(machine)]
    for capability in ("AUDIT_WRITE", "NET_RAW", "SYS_CHROOT", "SYS_PTRACE"):
        flags += ["--cap-add", capability]
    if machine.engine == "docker":
        # --privileged would fail where the machine itself lacks a capability, and would grant more than needed.
        flags += ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"]
        flags += ["--security-opt", "apparmor=unconfined", "-e", "container=docker", *_TMPFS]
    if machine.gives_v2_tree:
        if machine.engine == "podman":
            flags += ["--systemd=false", "-e", "container=podman", *_TMPFS]
        flags += ["-e", f"{CGROUP_VARIABLE}={cgroup}", "-v", f"{machine.v2_tree}:/sys/fs/cgroup:rw"]
    elif machine.engine == "podman":
        flags += ["--systemd=always"]
    elif machine.cgroups is Cgroups.V2:
        flags += ["--cgroupns=host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    else:
        flags += ["-v", "/sys/fs/cgroup:/sys/fs/cgroup:ro"]
    return (*flags, "--stop-signal", "SIGRTMIN+3")


def boot_argv(machine: Machine) -> tuple[str, ...]:
    """Return the command of process 1: systemd, moved into its own cgroup where needed."""
    return ("/bin/sh", "-c", _OWN_CGROUP) if machine.gives_v2_tree else ("/sbin/init",)


def detect(engine: Literal["podman", "docker"], binary: str) -> Machine:
    """Ask engine and machine for the facts that decide the flags.

    Raises StagingError when the engine does not answer.
    """
    if engine == "podman":
        form = "{{.Host.Security.Rootless}} {{.Host.CgroupsVersion}}"
    else:
        form = "{{.SecurityOptions}} {{.CgroupVersion}}"
    try:
        done = subprocess.run(
            (binary, "info", "--format", form), capture_output=True, encoding="utf-8", timeout=30, check=False
        )
    except subprocess.TimeoutExpired:
        raise StagingError(f"{engine} does not answer") from None
    if done.returncode != 0 or not done.stdout.strip():
        raise StagingError(f"{engine} does not work: {last_line(done.stderr)}")
    rootless = ("true" if engine == "podman" else "rootless") in done.stdout
    if engine == "podman" and rootless and not _user_manager():
        raise StagingError("rootless podman needs a systemd user session to give a container its own cgroups")
    tree = _v2_tree()
    if done.stdout.split()[-1].lstrip("v") == "2":
        cgroups = Cgroups.V2
    else:
        cgroups = Cgroups.HYBRID if tree is not None else Cgroups.V1
    return Machine(
        engine=engine,
        rootless=rootless,
        cgroups=cgroups,
        v2_tree=tree if cgroups is Cgroups.HYBRID else None,
        raises_limits=not rootless and _raises_limits(),
        open_files=_hard_limit(resource.RLIMIT_NOFILE),
        processes=_hard_limit(resource.RLIMIT_NPROC),
        has_runc=shutil.which("runc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None,
    )


def last_line(text: str) -> str:
    """Return the last line of a program's error text, without engine warnings."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "level=warning" not in line]
    return lines[-1][:300] if lines else "nothing at all"


def _v2_tree() -> str | None:
    """Return the mount point of a version 2 cgroup tree, None where there is none."""
    mounts = Path("/proc/self/mounts")
    if sys.platform != "linux" or not mounts.exists():
        return None
    fields = (line.split() for line in mounts.read_text().splitlines())
    return next((field[1] for field in fields if field[2] == "cgroup2"), None)


def _user_manager() -> bool:
    return Path(f"/run/user/{os.getuid()}/systemd/private").exists() or sys.platform != "linux"


def _raises_limits() -> bool:
    """Return whether the engine may raise limits.

    The rights of a daemon are unknown here and taken for full.
    """
    status = Path("/proc/self/status")
    if os.geteuid() != 0 or not status.exists():
        return True
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)", status.read_text(), re.MULTILINE)
    return effective is not None and bool(int(effective[1], 16) >> _CAP_SYS_RESOURCE & 1)


def _hard_limit(kind: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return 2**31 if hard == resource.RLIM_INFINITY else hard
