"""The container engine, Podman or Docker, behind a small interface."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from remediate.errors import ConfigurationError
from remediate.rehearsal.machine import Machine, StagingError, boot_argv, boot_flags, detect, last_line, plain_flags

ENGINE_VARIABLE: Final = "REMEDIATE_ENGINE"
_QUIET: Final = {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
"""Podman 5 warns on such a system at every command, on the standard error of the program that it runs."""
INSTALL_HINT: Final = "run: python -m remediate.rehearsal.install"

_NOT_STARTED: Final = re.compile(r"unable to start container process: (?!exec:)")
"""Words of runc when it could not begin a program. After `exec:` the reason is the program itself, as a missing one."""
_EXEC_TRIES: Final = 3

_REMOVE_SECONDS: Final = 60
_REMOVE_AGAIN_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Container:
    """One container as the engine reports it.

    `ports` maps TCP ports inside to ports on 127.0.0.1.
    """

    name: str
    running: bool
    labels: Mapping[str, str]
    ports: Mapping[int, int]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _State(_Part):
    running: bool = Field(alias="Running")


class _Config(_Part):
    labels: dict[str, str] | None = Field(alias="Labels")


class _Binding(_Part):
    address: str = Field(alias="HostIp")
    port: int = Field(alias="HostPort")


class _Network(_Part):
    ports: dict[str, list[_Binding] | None] | None = Field(default=None, alias="Ports")


class _Inspected(_Part):
    """The part of both engines' `container inspect` that we read."""

    state: _State = Field(alias="State")
    config: _Config = Field(alias="Config")
    network: _Network = Field(alias="NetworkSettings")

    def container(self, name: str) -> Container:
        ports = {
            int(inside.removesuffix("/tcp")): binding.port
            for inside, bindings in (self.network.ports or {}).items()
            for binding in bindings or ()
            if binding.address == "127.0.0.1" and inside.endswith("/tcp")
        }
        return Container(name, self.state.running, self.config.labels or {}, ports)


@dataclass(frozen=True, slots=True)
class ContainerEngine:
    """A working engine. Every call has a timeout in seconds and raises StagingError on failure."""

    binary: str
    machine: Machine

    def call(self, *argv: str, stdin: str | None = None, timeout: float = 60) -> str:
        """Run one engine command and return its output. Use it where no other method fits."""
        done = self._finish((self.binary, *argv), stdin, timeout)
        if done.returncode != 0:
            raise StagingError(f"{self.machine.engine} {argv[0]}: {last_line(done.stderr)}")
        return done.stdout

    def exec(
        self, name: str, argv: Sequence[str], stdin: str | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as root in the container, without SSH. The caller judges its exit code.

        The runtime now and then loses its own helper before the program starts. Then it is started again.
        """
        flags = ("-i",) if stdin is not None else ()
        tries = 1
        while True:
            done = self._finish((self.binary, "exec", *flags, name, *argv), stdin, timeout)
            if done.returncode == 0 or tries == _EXEC_TRIES or not _NOT_STARTED.search(done.stderr):
                return done
            tries += 1

    def boot(self, name: str, image: str, *, hostname: str, labels: Mapping[str, str], flags: Sequence[str]) -> None:
        """Start a container with the image's systemd as process 1."""
        named = ("--name", name, "--hostname", hostname, *_label_flags(labels))
        chosen = boot_flags(self.machine, name)
        self.call("run", "-d", *named, *chosen, *flags, image, *boot_argv(self.machine))

    def idle(self, name: str, image: str, *, labels: Mapping[str, str]) -> None:
        """Start a container that only waits, to prepare an image without an init."""
        flags = (*plain_flags(self.machine), *_label_flags(labels))
        self.call("run", "-d", "--name", name, *flags, image, "sleep", "3600")

    def commit(self, name: str, image: str, *, labels: Mapping[str, str]) -> None:
        """Make an image of a container; these labels replace inherited ones."""
        changes = ['CMD ["/sbin/init"]', *(f"LABEL {key}={value}" for key, value in labels.items())]
        flags = tuple(part for change in changes for part in ("--change", change))
        self.call("commit", *flags, name, image, timeout=300)

    def stop(self, name: str, seconds: int = 60) -> None:
        """Shut a container down in order; kill it after `seconds`."""
        self.call("stop", "-t", str(seconds), name, timeout=seconds + 30)

    def rm(self, name: str) -> None:
        """Remove a container at once, running or not, and its cgroup. A missing one is fine. Raises StagingError."""
        # Podman would first wait for an orderly shutdown, which a discarded container does not need.
        at_once = ("-t", "0") if self.machine.engine == "podman" else ()
        given_up = time.monotonic() + _REMOVE_SECONDS
        while True:
            done = self._finish((self.binary, "rm", "-f", *at_once, "-v", name), None, 60)
            if self.container(name) is None:
                break
            # Podman does not wait long for killed processes to end, and on a busy machine that takes its time.
            if time.monotonic() > given_up:
                said = last_line(done.stdout + done.stderr)
                raise StagingError(f"{self.machine.engine} could not remove the container {name}: {said}")
            time.sleep(_REMOVE_AGAIN_SECONDS)
        if self.machine.gives_v2_tree and self.machine.v2_tree is not None:
            _remove_cgroup(Path(self.machine.v2_tree) / name)

    def container(self, name: str) -> Container | None:
        """Return what the engine knows of a container; None when it does not exist."""
        done = self._finish((self.binary, "container", "inspect", name), None, 30)
        if done.returncode != 0:
            return None
        try:
            return _Inspected.model_validate(json.loads(done.stdout)[0]).container(name)
        except (ValueError, IndexError) as error:
            raise StagingError(f"{self.machine.engine} describes {name} in an unknown way") from error

    def has_image(self, reference: str) -> bool:
        """Return whether an image of that name is stored here; never ask a registry."""
        return self._finish((self.binary, "image", "inspect", reference), None, 30).returncode == 0

    def containers(self, labels: Mapping[str, str]) -> tuple[Container, ...]:
        """Return all containers with every one of these labels, stopped ones included."""
        listed = self.call("ps", "-a", "--format", "{{.Names}}", *_label_filters(labels)).split()
        found = (self.container(name) for name in listed)
        return tuple(one for one in found if one is not None and labels.items() <= one.labels.items())

    def images(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Return the references of all images with every one of these labels."""
        listed = self.call("images", "--format", "{{.Repository}}:{{.Tag}}", *_label_filters(labels)).split()
        return tuple(name for name in listed if "<none>" not in name and self._image_has(name, labels))

    def logs(self, name: str) -> str:
        """Return the last line of a container's process 1, to explain an early end."""
        done = self._finish((self.binary, "logs", "--tail", "5", name), None, 30)
        return last_line(done.stdout + done.stderr)

    def rmi(self, reference: str) -> bool:
        """Remove an image; return False while a container still uses it."""
        return self._finish((self.binary, "rmi", reference), None, 120).returncode == 0

    def _image_has(self, reference: str, labels: Mapping[str, str]) -> bool:
        """Check all labels again: Podman's image filters match any label, Docker's match all."""
        carried = json.loads(self.call("image", "inspect", "--format", "{{json .Config.Labels}}", reference))
        return labels.items() <= (carried or {}).items()

    def _finish(self, argv: tuple[str, ...], stdin: str | None, timeout: float) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                argv,
                input=stdin or "",
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                check=False,
                env={**os.environ, **_QUIET},
            )
        except subprocess.TimeoutExpired:
            raise StagingError(f"{' '.join(argv[:4])} … did not end within {timeout:.0f} s") from None


def find_engine(wanted: str | None = None) -> ContainerEngine:
    """Return the first working engine: the wanted one, else REMEDIATE_ENGINE when set, else podman, else docker.

    Raises ConfigurationError with one line that says what is missing and how to get it.
    """
    wanted = wanted or os.environ.get(ENGINE_VARIABLE)
    if wanted not in (None, "", "podman", "docker"):
        raise ConfigurationError(f"{ENGINE_VARIABLE}={wanted}: accepted are podman and docker")
    troubles: list[str] = []
    for engine in ("podman", "docker"):
        if wanted and engine != wanted:
            continue
        binary = shutil.which(engine)
        if binary is None:
            troubles.append(f"{engine} is not installed")
            continue
        try:
            return ContainerEngine(binary, detect(engine, binary))
        except StagingError as error:
            troubles.append(str(error))
    raise ConfigurationError(f"no container engine: {'; '.join(troubles)}; {INSTALL_HINT}")


def _label_flags(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(part for key, value in labels.items() for part in ("--label", f"{key}={value}"))


def _label_filters(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(part for key, value in labels.items() for part in ("--filter", f"label={key}={value}"))


def _remove_cgroup(root: Path) -> None:
    """Remove an emptied cgroup tree, deepest first. The kernel refuses while it holds a process."""
    if root.is_dir() and os.access(root, os.W_OK):
        for folder, _, _ in os.walk(root, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:  # a process is still ending there; a leftover empty group costs nothing
                return
