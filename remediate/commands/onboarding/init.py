"""init: looks at a host over SSH, and writes its inventory."""

import os
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from remediate.commands.given import Flags, inventory_of, text_of
from remediate.commands.onboarding.file import comparison, difference, variables_of
from remediate.commands.onboarding.file import text_of as inventory_text
from remediate.commands.onboarding.found_key import FoundKey, Worth, with_kept
from remediate.commands.onboarding.found_keys import found_keys
from remediate.commands.onboarding.look import DATABASE, REDIS, SUPERVISOR, WEB, HostLook, look_at
from remediate.commands.onboarding.target import host_of, key_advice
from remediate.commands.terminal import Terminal
from remediate.core.host import Host
from remediate.core.outcome import RunVerdict
from remediate.errors import FAILED_EXIT_CODE, ConfigurationError, Unreachable, Unreadable
from remediate.inventory.ansible_values import shown
from remediate.inventory.ansible_vars import HOST_VARS
from remediate.inventory.selection import discover
from remediate.probes.configured_pools import ConfiguredPools
from remediate.probes.distribution import Distribution
from remediate.probes.filesystems import DiskSpace
from remediate.project.project import Project
from remediate.report.wrapping import wrap
from remediate.transport.dialing import open_session

_INDENT: Final = " " * 8
_LONGEST: Final = 500
"""The most characters of a line about the host, which may have sent control characters."""
_MOST: Final = 8
"""The most lines about what is not readable. The file has all of them."""


def write_inventory(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Look at a host and write its inventory; never overwrite a file. It asks nothing."""
    target = text_of(flags, "host")
    if target is None:
        raise ConfigurationError("--host is missing: a host of an inventory, or [user@]host[:port]")
    host, variables = host_of(target.strip(), _inventories(flags, project), project.root, terminal.warn)
    out = text_of(flags, "out")
    path = _place(out, host, project, variables)
    terminal.progress(f"asking {host.name} what it is; nothing is changed there")
    try:
        look = look_at(host, open_session(host, project.ssh_client()))
    except Unreachable as error:
        terminal.err.write(f"{program}: {error.message}\n")
        for line in key_advice(host.ssh, error.code):
            terminal.err.write(f"{line}\n")
        return RunVerdict.UNREACHABLE.exit_code
    found = found_keys(look)
    _tell_seen(look, found, terminal, program)
    chosen = "" if (given := text_of(flags, "inventory")) is None else f" --inventory {shlex.quote(given)}"
    again = f"{program} init --host {shlex.quote(target)}{chosen} --out"
    beside = _is_variables(path, variables)
    if variables is not None and (out is None or (beside and path.exists())):
        return _compared(host, found, terminal, again, variables)
    made = _made(host, look, found, variables=beside)
    if not _written(path, made):
        return _there(path, made, terminal, again)
    if not beside:
        chosen = "" if path in _read_anyway(project) else f" --inventory {shlex.quote(str(path))}"
    _tell_next(path, f"--host {shlex.quote(host.name)}{chosen}", terminal, program)
    return 0


def _tell_seen(look: HostLook, found: Sequence[FoundKey], terminal: Terminal, program: str) -> None:
    for line in _seen(look, found):
        terminal.say(shown(line, _LONGEST))
    if look.unreadable:
        hint = f"a login that may read it finds more: `{program} init --host USER@HOST --out FILE`"
        for line in wrap(hint, first=_INDENT, others=_INDENT):
            terminal.say(line)


def _tell_next(path: Path, on: str, terminal: Terminal, program: str) -> None:
    terminal.say(f"WROTE   {_short(path)}")
    for line in wrap("read the file, above all what is guessed and what only you know; then", first="next:   "):
        terminal.say(line)
    terminal.say(f"{_INDENT}{program} sudoers {on}    # what answers and fixes need; --script installs it")
    terminal.say(f"{_INDENT}{program} check.app-down {on}")


def _made(host: Host, look: HostLook, found: Sequence[FoundKey], *, variables: bool) -> str:
    """Return the text to write: an inventory, or `variables` of a host, without what its inventory says already."""
    facts, now = tuple(_facts(look)), datetime.now(UTC)
    if not variables:
        return inventory_text(host, facts, look.unreadable, tuple(with_kept(found, host.settings)), now)
    lacking = tuple(each for each in found if each.key not in host.settings.model_fields_set)
    return variables_of(facts, look.unreadable, lacking, now)


def _is_variables(path: Path, variables: Path | None) -> bool:
    return variables is not None and path.absolute() == variables.absolute()


def _short(path: Path) -> Path:
    """Return a path as it is typed in the working directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _read_anyway(project: Project) -> tuple[Path, ...]:
    """Return the inventories that are read without --inventory."""
    return () if project.root is None else discover(project.root)


def _inventories(flags: Flags, project: Project) -> Sequence[Path]:
    """Return the inventories that may have the host; none for a first one."""
    if text_of(flags, "inventory") is not None:
        return inventory_of(flags, project)
    return _read_anyway(project)


def _home(project: Project) -> Path | None:
    return None if project.root is None else project.root / "inventories"


def _place(out: str | None, host: Host, project: Project, variables: Path | None) -> Path:
    """Return the file to write. Raises ConfigurationError if its directory cannot take one.

    A host that an inventory has, with its `variables`, is only compared, unless a file is given.
    """
    home = _home(project)
    path = Path(out) if out is not None else (home or Path()) / f"{host.name.replace(':', '-')}.yml"
    if path.parent.name == HOST_VARS and not _is_variables(path, variables):
        where = "no inventory has it" if variables is None else f"its inventory reads {_short(variables)}"
        raise ConfigurationError(f"{path} is not read for {host.name}: {where}")
    made = {HOST_VARS, "" if home is None else home.name}
    parent = path.parent.parent if path.parent.name in made and not path.parent.exists() else path.parent
    if path.is_dir() or not parent.is_dir() or not os.access(parent, os.W_OK):
        why = "is a directory" if path.is_dir() else f"{parent} is no directory that can be written to"
        raise ConfigurationError(f"{path} cannot be written: {why}; give --out FILE")
    beside = home is not None and parent.resolve() == home.resolve() and path.parent.name != HOST_VARS
    if beside and not path.exists() and not (variables and out is None) and host.name in (project.host_names() or ()):
        more = "another directory" if variables is None else str(_short(variables))
        raise ConfigurationError(f"an inventory in {home} has {host.name} already: give --out {more}")
    return path


def _written(path: Path, text: str) -> bool:
    """Write a new file. Return whether it was written; False if there is one."""
    try:
        path.parent.mkdir(exist_ok=True)
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
    return True


def _there(path: Path, made: str, terminal: Terminal, again: str) -> int:
    """Report a file that exists: it stays as it is."""
    try:
        there = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        terminal.say(f"NOT WRITTEN: {path} exists and cannot be read. To write another file:")
        terminal.say(f"  {again} FILE")
        return FAILED_EXIT_CODE
    differing = difference(path, there, made)
    for line in differing:
        terminal.say(line)
    if not differing:
        terminal.say(f"{path} says all of that already")
        return 0
    terminal.say(f"NOT WRITTEN: {path} exists and stays as it is. To write another file:")
    terminal.say(f"  {again} FILE")
    return FAILED_EXIT_CODE


def _compared(host: Host, found: Sequence[FoundKey], terminal: Terminal, again: str, variables: Path) -> int:
    """Report how the inventory that has the host differs: it stays as it is."""
    differing = list(comparison(host.settings, found))
    for line in differing:
        for part in wrap(line, first="  ", others="      "):
            terminal.say(part)
    if not differing:
        terminal.say(f"the inventory says all of that about {host.name} already")
        return 0
    terminal.say(f"NOT WRITTEN: an inventory has {host.name}, and stays as it is.")
    if not variables.exists():
        terminal.say("To write what it does not say beside it, as variables of the host:")
        terminal.say(f"  {again} {shlex.quote(str(_short(variables)))}")
    else:
        terminal.say(f"Add what you want of it to {_short(variables)}, below `remediate:`. To write another file:")
        terminal.say(f"  {again} FILE")
    return FAILED_EXIT_CODE


def _facts(look: HostLook) -> Iterator[str]:
    """Yield what was seen of the host, one line each."""
    distribution, disks, pools = (
        look.answer(Distribution()),
        look.answer(DiskSpace()),
        look.answer(ConfiguredPools()),
    )
    if not isinstance(distribution, Unreadable):
        yield f"system: {distribution.describe()}"
    if not isinstance(disks, Unreadable):
        yield f"disks: {', '.join(f'{each.mount} {each.percent} %' for each in disks.systems)}"
    units = look.units((*WEB, *DATABASE, *REDIS, *SUPERVISOR))
    yield f"units: {'; '.join(f'{name} {unit.describe()}' for name, unit in units.items()) or 'none that is known'}"
    php = look.answer(look.php)
    enabled = () if isinstance(php, Unreadable) else php.enabled
    installed = () if isinstance(pools, Unreadable) else pools.installed
    yield f"PHP: {', '.join(dict.fromkeys((*enabled, *installed))) or 'none found'}"


def _seen(look: HostLook, found: Sequence[FoundKey]) -> Iterator[str]:
    """Yield the summary for a terminal."""
    for line in _facts(look):
        yield from wrap(line, first=_INDENT, others=f"{_INDENT}    ")
    for worth in Worth:
        keys = [each.key for each in found if each.worth is worth]
        if keys:
            yield from wrap(", ".join(keys), first=f"{worth.value:<8}", others=_INDENT)
    for line in look.unreadable[:_MOST]:
        yield from wrap(f"not readable: {line}", others=_INDENT)
    if len(look.unreadable) > _MOST:
        yield f"not readable: {len(look.unreadable) - _MOST} more, which the file names"
