"""Explains a command line that cannot be parsed, in one line."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final

from remediate.core.flags import HOST
from remediate.errors import nearest

_UNKNOWN: Final = re.compile(r"No idea what '(?P<word>.*)' is!", re.DOTALL)
_CORE: Final = frozenset({"help", "version", "list"})
"""Flags of every program that people write as a command."""
_NO_VALUE: Final = re.compile(r"Flag <Argument: (?P<flag>[^ >]+).*> needed value", re.DOTALL)
_NO_POSITIONAL: Final = re.compile(r"'.*' did not receive required positional arguments: (?P<names>.*)", re.DOTALL)
_NO_GROUP: Final = re.compile(r"Sub-collection '(?P<word>.*)' not found!", re.DOTALL)


def explain(
    message: str,
    names: Collection[str],
    *,
    program: str,
    task: str | None,
    flags: Collection[str],
    why: Callable[[str], str | None] = lambda _: None,
) -> str:
    """Return Invoke's message in our words, with the nearest name or all that is accepted.

    `names` are all commands. `task` is the command that was read last, and `flags` are those that it still takes.
    `why` explains a word that is no flag by a mistake in the flag before it, or returns None.
    """
    more = f"{program} {task} --help shows its flags" if task else f"{program} --list shows every command"
    if found := _UNKNOWN.fullmatch(message):
        word = found["word"]
        if word.startswith("-") and word.strip("-"):
            return f"no such flag: {_flag(word, task, flags)}({more})"
        if reason := why(word):
            return f"{reason} ({more})"
        if task is None or "." in word:
            meant = f"; {near}" if (near := _command(word, names)) else " "
            return f"no such command: {word}{meant}({program} --list shows every command)"
        host = f"--{HOST.name}"
        meant = f"did you mean {host} {word}?" if host in flags else "a value follows its flag"
        return f"{task}: {word} is no flag and no command; {meant} ({more})"
    if found := _NO_VALUE.match(message):
        return f"--{found['flag']} needs a value ({more})"
    if found := _NO_POSITIONAL.match(message):
        missing = found["names"].replace("'", "")
        return f"{task} needs: {missing} ({more})"
    if found := _NO_GROUP.fullmatch(message):
        groups = sorted({name.partition(".")[0] for name in names if "." in name})
        return f"--list: no such group: {found['word']}; {nearest(found['word'], groups)}accepted: {', '.join(groups)}"
    return f"{' '.join(message.split())} ({more})"


def _flag(word: str, task: str | None, flags: Collection[str]) -> str:
    """Return an unknown flag without its value (it may be secret), and similar ones."""
    flag = word.partition("=")[0] if word.startswith("--") else word[:2]
    accepted = sorted(each for each in flags if each.startswith("--"))
    meant = nearest(flag, accepted) or (f"{task} takes {', '.join(accepted)} " if task and accepted else "")
    return f"{flag}; {meant}" if meant else f"{flag} "


def _command(word: str, names: Collection[str]) -> str:
    below = [name for name in names if name.startswith(f"{word}.")]
    # The last part alone is enough to be understood: app-down, resolve.
    same = [name for name in names if name.endswith(f".{word}")]
    if meant := below or same or [f"--{each}" for each in _CORE if each == word]:
        return f"did you mean {' or '.join(meant)}? "
    return nearest(word, names)


def misread(flags: Mapping[str, bool], words: Sequence[str], word: str) -> str | None:
    """Return what is wrong with the flag before a word that is neither flag nor command; None without such a flag.

    `flags` say whether each takes a value. `words` are the line.
    """
    parts = [part for each in words for part in _parts(each)]
    before = next((flag for flag, value in pairwise(parts) if value == word and flag in flags), None)
    if before is None:
        return None
    if not flags[before]:
        return f"{before} takes no value, and got {word}"
    many = f": write {before} NAME,NAME" if before == f"--{HOST.name}" else ""
    return f"{before} is given twice{many}" if parts.count(before) > 1 else None


def _parts(word: str) -> tuple[str, ...]:
    flag, _, value = word.partition("=")
    return (flag, value) if value and word.startswith("--") else (word,)
