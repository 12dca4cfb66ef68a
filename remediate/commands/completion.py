"""Completion: the candidates for the last word, and the scripts of the shells."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from remediate.commands.command import Command
from remediate.commands.registry import commands
from remediate.core.flags import HOST, INVENTORY
from remediate.errors import ConfigurationError
from remediate.inventory.selection import Inventory
from remediate.project.project import Project

SHELLS: Final = ("bash", "fish", "zsh")
_SCRIPT_FLAG: Final = "--print-completion-script"
_ALONE: Final = ("--help", "--list", "--version", _SCRIPT_FLAG)
"""The flags that are offered before a command. Invoke's other flags are of no use here."""

_HARMLESS: Final = re.compile(r"[\w.:@%+-]+")
"""A name without special characters of a shell. Candidates are inserted as they are, and may be a group's name."""

Names = Callable[[str | None], Iterable[str]]
"""Returns the hosts and groups of the given inventory, or of all in the project."""


def script(shell: str) -> str:
    """Return the completion script of a shell. Raises ConfigurationError for any that has none."""
    if shell not in SHELLS:
        raise ConfigurationError(f"{_SCRIPT_FLAG} takes {', '.join(SHELLS)}, not {shell!r}")
    return (files("remediate.commands") / "completions" / f"remediate.{shell}").read_text()


def completed(line: str) -> str:
    """Return the candidates for a line in this directory's project, one a line.

    There are none in a project that cannot be read: a message would be written over what is being typed.
    """
    try:
        project = Project.here()
        known = {command.name: command for command in commands(project)}
    except ConfigurationError:
        return ""
    found = candidates(line, known, lambda inventory: _names_of(project, inventory))
    return "".join(f"{each}\n" for each in found)


def candidates(line: str, known: Mapping[str, Command], names: Names) -> list[str]:
    """Return the words that complete the last one.

    `line` is the command line up to the cursor, with the program's name. Without candidates the shell offers files.
    """
    *words, last = _words(line)
    command, open_flag = _read(words[1:], known)
    flag, equals, value = last.partition("=")
    if open_flag is not None:
        return list(_values(open_flag, last, words, names))
    if command is not None and equals and command.wants_value(flag):
        return [f"{flag}={each}" for each in _values(flag, value, words, names)]
    if words[-1:] == [_SCRIPT_FLAG]:
        return _beginning(SHELLS, last)
    if words[-1:] in (["--help"], ["-h"]) or (command is None and not last.startswith("-")):
        return _beginning(known, last)
    return _beginning(_ALONE if command is None else _flags(command, words), last)


def _names_of(project: Project, inventory: str | None) -> Iterator[str]:
    """Yield the hosts and groups of one inventory, or of the project's. Nothing is said about unreadable ones."""
    try:
        found = Inventory.load(project.inventories() if inventory is None else (Path(inventory),))
    except ConfigurationError:
        return
    groups = (name for name in found.group_names if name != "ungrouped")
    yield from (name for name in (*found.host_names, *groups) if _HARMLESS.fullmatch(name))


def _words(line: str) -> list[str]:
    """Return the words of a line; the last one is empty after a blank."""
    for ending in ("", "'", '"'):
        try:
            words = shlex.split(line + ending)
        except ValueError:
            continue
        return [*words, ""] if not words or (not ending and line[-1:].isspace()) else words
    return [""]


def _read(words: Sequence[str], known: Mapping[str, Command]) -> tuple[Command | None, str | None]:
    """Return the command that the words name, and its flag that still needs a value."""
    command: Command | None = None
    open_flag: str | None = None
    for word in words:
        if open_flag is not None:
            open_flag = None
        elif word in known:
            command = known[word]
        elif command is not None and command.wants_value(word):
            open_flag = word
    return command, open_flag


def _values(flag: str, begun: str, words: Sequence[str], names: Names) -> Iterator[str]:
    """Yield the known values of a flag; of hosts there may be several."""
    if flag != f"--{HOST.name}":
        return
    before, comma, last = begun.rpartition(",")
    removed = "!" if last.startswith("!") else ""
    for name in dict.fromkeys(names(_given(f"--{INVENTORY.name}", words))):
        if name.startswith(last.removeprefix("!")):
            yield f"{before}{comma}{removed}{name}"


def _given(flag: str, words: Sequence[str]) -> str | None:
    """Return the value of a flag in the line, None without it."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == flag and following:
            return following
        if word.startswith(f"{flag}="):
            return word.removeprefix(f"{flag}=")
    return None


def _flags(command: Command, words: Sequence[str]) -> Iterator[str]:
    """Yield the flags of a command that may still be given."""
    given = {word.partition("=")[0] for word in words}
    for flag in command.flags:
        typed = [f"--{name}" for name in flag.names if len(name) > 1]
        if not flag.positional and (flag.kind is list or given.isdisjoint(typed)):
            yield from typed
    yield "--help"


def _beginning(words: Iterable[str], begun: str) -> list[str]:
    return [word for word in words if word.startswith(begun)]
