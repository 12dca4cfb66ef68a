"""Observation of a host with testinfra, through another channel than the fix."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection as PlainConnection
from http.client import HTTPException, HTTPSConnection
from importlib.util import find_spec
from socket import create_connection
from typing import Any, Final
from urllib.parse import urlsplit

from remediate.core.host import Host
from remediate.core.trust import trust
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError
from remediate.rehearsal.faults.fault import Fault, RootShell
from remediate.rehearsal.machine import StagingError, last_line

_SECONDS: Final = 60
_PAGE_SECONDS: Final = 10.0
_OF_A_LOGIN: Final = ("user@", "user-runtime-dir@", "session-", "systemd-hostnamed")
"""Units that come and go with every login or by themselves."""

_LOOK: Final = r"""
systemctl show --type=service --state=active,activating,reloading '*' -p Id,InvocationID,ActiveState,TriggeredBy
echo ==
find /etc "$@" -xdev -type f -exec sha256sum {} + 2>/dev/null || true
echo ==
{ ps -ewo pid=,unit=; echo ==; ss -ltnpH; } | awk '
  $0 == "==" { listed = 1; next }
  !listed { unit[$1] = $2; next }
  {
    units = ""
    for (rest = $6; match(rest, /pid=[0-9]+/); rest = substr(rest, RSTART + RLENGTH))
      units = units " " unit[substr(rest, RSTART + 4, RLENGTH - 4)]
    print $4, $6 units
  }
' | sort -u
echo ==
programs=$(command -v supervisorctl >/dev/null && supervisorctl status 2>/dev/null)
[ -z "$programs" ] || printf '%s\n' "$programs" | sed 's/ pid / /; s/, uptime.*//'
echo ==
{
  printf '%s\n' "$programs" | sed -n 's/^\([^: ]*\).*RUNNING *pid \([0-9]*\),.*/\1 \2/p'
  echo ==
  ps -ewwo pid=,args=
} | awk '
  $0 == "==" { listed = 1; next }
  !listed { group[$2] = $1; next }
  { pid = $1; sub(/^ *[0-9]+ +/, ""); count[$0]++; if (pid in group) words[group[pid] " " $0] = $0 }
  END { for (each in words) print count[words[each]], each }
'
"""


@dataclass(frozen=True)
class ObservedItem:
    """One thing on a host: its state, its incarnation, and its names for `Fault.disturbs`."""

    state: str
    incarnation: str = ""
    owners: tuple[str, ...] = ()

    def disturbed(self, names: tuple[str, ...]) -> bool:
        """Return whether one of its names was disturbed."""
        # A fault that edits a file keeps the old one next to it under a longer name; a directory means everything below
        # it.
        paths = tuple(name if name.endswith("/") else f"{name}." for name in names if name.startswith("/"))
        return any(own in names or own.startswith(paths) for own in self.owners)

    @property
    def is_file(self) -> bool:
        """Return whether it is a file."""
        return any(own.startswith("/") for own in self.owners)


Observation = dict[str, ObservedItem]


class Observer:
    """Observes one host through testinfra. Raises ConfigurationError without testinfra."""

    def __init__(self, shell: RootShell, host: Host) -> None:
        self._shell = shell
        self._host = host
        self.infra = infra_of(shell)

    def observe(self) -> Observation:
        """Return everything that a run has to leave alone or to restore."""
        settings = self._host.settings
        # storage/app holds the application's own data, such as documents and receipts.
        own = (".env", "bootstrap", "storage/app")
        files = tuple(f"{settings.app_path}/{each}" for each in own) if settings.app_path else ()
        done = self._shell.exec(("/bin/bash", "-c", _LOOK, "bash", *files), timeout=_SECONDS)
        parts = done.stdout.split("==\n")
        if len(parts) != 5:
            raise StagingError(f"{self._host.name} cannot be looked at: {last_line(done.stderr)}")
        units, digests, ports, programs, processes = parts
        found: Observation = {}
        for block in units.strip().split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            name = values.get("Id", "").removesuffix(".service")
            if name and not name.startswith(_OF_A_LOGIN) and ".timer" not in values.get("TriggeredBy", ""):
                found[name] = ObservedItem(values["ActiveState"], values["InvocationID"], (name,))
        for line in digests.splitlines():
            digest, _, path = line.partition("  ")
            found[path] = ObservedItem(digest, owners=(path,))
        for line in ports.splitlines():
            address, _, users = line.partition(" ")
            # A program may have the name of its unit, or its interpreter's.
            units_of_it = re.findall(r" (\S+)\.service\b", users)
            owners = (f"port {address.rpartition(':')[2]}", *re.findall(r'\("([^"]+)",pid=', users), *units_of_it)
            found[f"listening on {address}"] = ObservedItem("open", owners=owners)
        for line in programs.splitlines():
            name, state, pid = [*line.split(), "", ""][:3]
            group = name.partition(":")[0]
            incarnation = pid if state == "RUNNING" else ""
            found[f"program {name}"] = ObservedItem(state, incarnation, (group, "supervisor"))
        for line in processes.splitlines():
            count, group, words = line.split(" ", 2)
            found[f"processes `{words.strip()}`"] = ObservedItem(count, owners=(group, "supervisor"))
        return found

    def running(self, units: Iterable[str]) -> list[str]:
        """Return those of these units that do not run, as testinfra sees it."""
        return [unit for unit in units if not self.infra.service(unit).is_running]

    def site(self) -> list[str]:
        """Return what is wrong with the site, from outside and on the host."""
        settings = self._host.settings
        if settings.site_url is None:
            return []
        troubles: list[str] = []
        for path in ("/", settings.health_path):
            if path is None:
                continue
            text = settings.site_contains if path == "/" else None
            if Vantage.CONTROLLER in settings.site_vantage and (trouble := self._outside(path, text)):
                troubles.append(f"{path} from outside: {trouble}")
            if Vantage.HOST in settings.site_vantage and (trouble := self._inside(path, text)):
                troubles.append(f"{path} on the host: {trouble}")
        return troubles

    def _inside(self, path: str, text: str | None) -> str | None:
        url = f"{str(self._host.settings.site_url).rstrip('/')}{path}"
        got = self.infra.run(
            "curl -s -m %s -w '\n%%{http_code}' --connect-to ::127.0.0.1: %s", f"{_PAGE_SECONDS:.0f}", url
        )
        body, _, status = got.stdout.rpartition("\n")
        return _judged(int(status) if status.isdecimal() else 0, body, text)

    def _outside(self, path: str, text: str | None) -> str | None:
        settings = self._host.settings
        parts = urlsplit(str(settings.site_url))
        name = parts.hostname or ""
        address, _, port = (settings.site_resolve or "").rpartition(":")
        place = (address.strip("[]") or name, int(port or parts.port or (443 if parts.scheme == "https" else 80)))
        connection = (HTTPSConnection if parts.scheme == "https" else PlainConnection)(name, timeout=_PAGE_SECONDS)
        try:
            plain = create_connection(place, timeout=_PAGE_SECONDS)
            if parts.scheme == "https":
                plain = trust(settings.site_ca).wrap_socket(plain, server_hostname=name)
            connection.sock = plain
            connection.request("GET", path)
            response = connection.getresponse()
            return _judged(response.status, response.read().decode(errors="replace"), text)
        except (OSError, HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()


def differences(before: Observation, after: Observation, disturbed: Iterable[str]) -> list[str]:
    """Return what is not as it was.

    A disturbed thing may be a new incarnation. A disturbed file may have any content.
    """
    names = tuple(disturbed)
    found: list[str] = []
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        loose = any(entry is not None and entry.disturbed(names) for entry in (was, now))
        if loose and any(entry is not None and entry.is_file for entry in (was, now)):
            continue
        if now is None:
            found.append(f"{key} is gone")
        elif was is None:
            found.append(f"{key} is new ({now.state})")
        elif was.state != now.state:
            found.append(f"{key} was {_short(was.state)}, is {_short(now.state)}")
        elif was.incarnation != now.incarnation and not loose:
            found.append(f"{key} was started again")
    return found


def bystanders(observation: Observation, disturbed: Iterable[str]) -> Observation:
    """Return everything that does not belong to the disturbed names."""
    names = tuple(disturbed)
    return {key: entry for key, entry in observation.items() if not entry.disturbed(names)}


def keepsakes(shell: RootShell, faults: Iterable[Fault]) -> tuple[str, ...]:
    """Return the present lines of what these faults declare must not be lost."""
    scripts = (fault.keepsakes() for fault in faults)
    return tuple(line for script in scripts if script for line in shell.script(script).splitlines())


def missing(kept: Sequence[str], shell: RootShell, faults: Iterable[Fault]) -> list[str]:
    """Return the kept lines that are gone now."""
    now = keepsakes(shell, faults)
    return [each for each in kept if each not in now]


def demand_testinfra() -> None:
    """Raise ConfigurationError when testinfra is not installed."""
    if find_spec("testinfra") is None:
        raise ConfigurationError("a rehearsal looks with testinfra: pip install 'remediate[rehearsal]'")


def infra_of(shell: RootShell) -> Any:
    """Return testinfra's view of a host through any root shell.

    Raises ConfigurationError without testinfra.
    """
    demand_testinfra()
    from testinfra.backend.base import BaseBackend
    from testinfra.host import Host as Infra

    class ShellBackend(BaseBackend):
        """Runs testinfra's commands through the shell."""

        NAME = "shell"

        def run(self, command: str, *args: str, **_: Any) -> Any:
            done = shell.exec(("/bin/sh", "-c", self.quote(command, *args)), timeout=_SECONDS)
            return self.result(done.returncode, command.encode(), done.stdout, done.stderr)

    return Infra(ShellBackend(shell.name))


def _judged(status: int, body: str, text: str | None) -> str | None:
    if status != 200:
        return f"status {status}" if status else "no answer"
    return f"the page does not hold {text!r}" if text and text not in body else None


def _short(state: str) -> str:
    return state if len(state) < 40 else f"{state[:8]}…"


def said(items: Sequence[str], limit: int = 3) -> str:
    """Join the first findings into one line, with the number of those left out."""
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return "; ".join(items[:limit]) + more
