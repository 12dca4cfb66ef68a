"""Places for trials: a new container for each, or the operator's disposable host."""

import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import yaml

from remediate.core.host import Host
from remediate.engine.fleet import select
from remediate.errors import ConfigurationError, RemediateError
from remediate.rehearsal.faults.fault import Fault, RootShell, demand_marker
from remediate.rehearsal.machine import StagingError, last_line
from remediate.rehearsal.observation import Observer, differences, said
from remediate.rehearsal.placement import write
from remediate.rehearsal.stages import Progress
from remediate.rehearsal.staging import StagingHost, down, up
from remediate.transport.link import Link, LinkLost

_RESTORE_SECONDS: Final = 60.0


class Place(Protocol):
    """A host that may be broken."""

    @property
    def name(self) -> str:
        """Its name in the inventory."""

    def fresh(self) -> tuple[Host, RootShell]:
        """Bring it to the proven start of every trial, and return it. Raises StagingError."""

    def leave(self, faults: Sequence[Fault]) -> None:
        """Undo these faults. Raises StagingError when it cannot prove that they are undone."""

    def close(self) -> None:
        """Release it."""


class ContainerPlace:
    """A staging container, which is replaced for each trial.

    Booting a new one costs less than proving that an old one is unchanged.
    """

    def __init__(
        self,
        name: str,
        *,
        directory: Path,
        example: Host,
        installation: Callable[[Host], str],
        image: str | None,
        progress: Progress,
    ) -> None:
        self.name = name
        self._directory = directory
        self._inventory = directory / "rehearsals"
        self._example = example
        self._installation = installation
        self._image = image
        self._progress = progress

    def fresh(self) -> tuple[Host, RootShell]:
        """Boot a new container from the example's inventory. Raises StagingError."""
        file = self._inventory / f"{self.name}.yml"
        write(file, _like(self._example, self.name), 0o644)
        staged: StagingHost = up(
            self.name,
            directory=self._directory,
            inventory=self._inventory,
            installation=lambda name: self._installation(select(name, file)[0]),
            image=self._image,
            fresh=True,
            progress=self._progress,
        )
        (host,) = select(self.name, file)
        return host, staged

    def leave(self, faults: Sequence[Fault]) -> None:
        """Do nothing, because the next trial gets a new container."""

    def close(self) -> None:
        """Remove the container and its inventory."""
        down(self.name, directory=self._directory)
        (self._inventory / f"{self.name}.yml").unlink(missing_ok=True)


def _like(example: Host, name: str) -> str:
    """Return the inventory of a host that has the same settings as another one."""
    settings = example.settings.model_dump(mode="json", exclude_unset=True)
    groups: dict[str, object] = {group: {"hosts": {name: {}}} for group in example.groups if group != "all"}
    return yaml.safe_dump({"all": {"hosts": {name: {"remediate": settings}}, "children": groups}})


class LinkShell:
    """A root shell over its own SSH connection.

    The SSH user is root or may use sudo for anything.
    """

    def __init__(self, host: Host, link: Link) -> None:
        self.name = host.name
        self._link = link
        self._before = () if host.ssh.user == "root" else ("sudo", "-n", "--")

    def exec(self, argv: Sequence[str], *, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a program as root. Raises StagingError when the connection fails or the time is over."""
        words = (*self._before, *argv)
        try:
            channel = self._link.start(f"{shlex.join(words)} </dev/null", seconds=timeout)
            try:
                output = b"".join(iter(channel.receive, b""))
                status, complaint = channel.finish()
            finally:
                channel.close()
        except (LinkLost, TimeoutError) as error:
            raise StagingError(f"{self.name}: {' '.join(argv[:1])}: {error}") from error
        if status is None:
            raise StagingError(f"{self.name}: {' '.join(argv[:1])} ended without saying how")
        return subprocess.CompletedProcess(
            words, status, output.decode(errors="replace"), complaint.decode(errors="replace")
        )

    def script(self, text: str, timeout: float = 60) -> str:
        """Run a bash script as root and return its output. Raises StagingError when it fails."""
        done = self.exec(("/bin/bash", "-euo", "pipefail", "-c", text), timeout=timeout)
        if done.returncode != 0:
            raise StagingError(f"a script failed on {self.name} ({done.returncode}): {last_line(done.stderr)}")
        return done.stdout

    def close(self) -> None:
        """Close the connection."""
        self._link.close()


def demand_disposable(host: Host) -> None:
    """Raise ConfigurationError unless the inventory says that this host may be broken."""
    if host.settings.production or not host.settings.disposable:
        raise ConfigurationError(
            f"{host.name} is not broken on purpose: its inventory has to say `production: false` and `disposable: true`"
        )


class HostPlace:
    """A host of the operator's own. Inventory and host both have to allow breaking it."""

    def __init__(self, host: Host) -> None:
        from remediate.transport.dialing import open_link

        demand_disposable(host)
        self.name = host.name
        self._host = host
        self._spoilt: str | None = None
        self._shell = LinkShell(host, open_link(host))
        try:
            _demand_root(self._shell, host)
            demand_marker(self._shell)
            self._observer = Observer(self._shell, host)
            self._pristine = self._observer.observe()
            _demand_well(self._observer, host)
        except BaseException:
            self.close()
            raise

    def fresh(self) -> tuple[Host, RootShell]:
        """Return the host as it is. Raises StagingError after an undo that failed."""
        if self._spoilt is not None:
            raise StagingError(f"nothing more is broken there: {self._spoilt}")
        return self._host, self._shell

    def leave(self, faults: Sequence[Fault]) -> None:
        """Undo these faults. Raises StagingError; the host is not used again then."""
        try:
            self._restore(faults)
        except StagingError as error:
            self._spoilt = str(error)
            raise

    def _restore(self, faults: Sequence[Fault]) -> None:
        troubles: list[str] = []
        for fault in reversed(faults):
            try:
                fault.undo(self._shell)
            except RemediateError as error:  # the other faults are still undone, and the state of the host decides
                troubles.append(f"undoing `{fault.describe()}`: {error}")
        everything = self._pristine.keys()
        deadline = time.monotonic() + _RESTORE_SECONDS
        while True:
            found = self._observer.observe()
            # Anything may be a new incarnation by now, but files and states have to be the same.
            left = [
                each for each in differences(self._pristine, found, ()) if not each.endswith(" was started again")
            ] + self._observer.site()
            if not left:
                break
            if time.monotonic() > deadline:
                raise StagingError(f"{self.name} is not as it was after undoing the fault: {said([*troubles, *left])}")
            time.sleep(1)
        self._pristine = {key: found[key] for key in everything}

    def close(self) -> None:
        """Close the connection."""
        self._shell.close()


def _demand_root(shell: LinkShell, host: Host) -> None:
    """Raise ConfigurationError unless the shell is root's, before anything depends on it."""
    done = shell.exec(("/bin/true",))
    if done.returncode != 0:
        raise ConfigurationError(
            f"{host.name} can only be broken by root: log in as root, or as a user whom sudo lets run anything without "
            f"a password ({last_line(done.stderr)})"
        )


def _demand_well(observer: Observer, host: Host) -> None:
    """Raise ConfigurationError when the site is wrong already, so that no result could be judged."""
    if trouble := observer.site():
        raise ConfigurationError(
            f"{host.name} was not healthy before the rehearsal, so nothing was broken: {said(trouble)}"
        )
