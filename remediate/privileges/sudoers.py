"""Writes a host's sudoers file: exactly the commands that may run there."""

import re
from collections.abc import Iterable
from math import ceil
from typing import Final

from remediate.core.command import ROOT, Run
from remediate.core.host import Host
from remediate.core.program_text import HELPER
from remediate.privileges.consequences import worst

PATH: Final = "/etc/sudoers.d/remediate"
_SPECIAL = re.compile(r"([,:=*?\[\]!# ^])")
"""Characters with a meaning in a command or argument of sudoers(5). All others stand for themselves."""
_LOGIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(?:@[A-Za-z0-9.-]+)?[$]?|[A-Za-z0-9_.-]+\\[A-Za-z0-9_.-]+")
_ALIAS = re.compile(r"[A-Z][A-Z0-9_]*")
"""An alias, or ALL, in the place of a user in sudoers(5)."""
_LENGTH: Final = 1024
"""The longest command for sudo-rs, in characters."""
_FIRM: Final = re.compile(r"-{0,2}[A-Za-z][A-Za-z0-9-]*(?:=[A-Za-z0-9-]+)?")
"""An argument that cannot swallow the next one. It is a verb, or an option with a fixed word."""
_INTERPRETERS: Final = re.compile(
    r"(?:.*/)?(?:(?:ba|da|a|z|k|c|tc|fi)?sh|env|sudo|su|xargs|find|nice|nohup|timeout|setsid|script"
    r"|(?:python|perl|ruby|php|lua|tclsh|node)[0-9.]*|(?:g|m|n)?awk|sed|ed|vi|vim|nano|less|more|man|tee|tar|rsync|ssh"
    r"|supervisorctl|mysql|mariadb|psql|redis-cli|docker|podman|crontab|at|pip[0-9.]*|apt|apt-get)"
)
"""Programs that execute their arguments, their input or files of the caller's directory. No rule may name them."""


def render(host: Host, user: str, commands: Iterable[Run], *, timeouts: bool = True) -> str:
    """Return the sudoers file for one host and its SSH user.

    A rule is one whole command, or the helper with one verb; nothing matches by pattern. sudo compares all arguments
    joined by blanks. So no argument may hold a blank, or a rule would match other arguments than it shows. TIMEOUT
    makes sudo itself end a command at its deadline, because the caller is not root and could not (sudoers(5), 1.8.20
    and later; sudo-rs does not know it: pass `timeouts=False`). Raises ValueError for a command that no rule can
    express safely.
    """
    lines = [
        f"# What remediate may do on {host.name}, and nothing else. Made by `sudoers --host {host.name}`;",
        "# make it again after an update. `sudoers --script` prints the commands that install it, with the helper.",
    ]
    if host.settings.php is None:
        lines.append("# Its inventory names no PHP (remediate.php): nothing that needs PHP is in here.")
    permitted: dict[tuple[str, tuple[str, ...]], float] = {}
    for run in commands:
        if run.user is None or run.user == user or user == ROOT:
            continue
        subject = (run.user, run.permission[1])
        permitted[subject] = max(run.seconds, permitted.get(subject, 0))
    for (runner, words), seconds in sorted(permitted.items()):
        _check(words)
        limit = f"TIMEOUT={ceil(seconds)}s " if timeouts else ""
        lines += [
            f"# At worst: {worst(runner, words)}",
            f"{_login(user)} ALL=({_login(runner)}) {limit}NOPASSWD: {_command(words)}",
        ]
    if not permitted:
        lines.append(f"# Nothing: {user} needs no sudo for any of it.")
    return "\n".join([*lines, ""])


def _login(user: str) -> str:
    if not _LOGIN.fullmatch(user) or _ALIAS.fullmatch(user):
        raise ValueError(f"sudoers cannot express the login name {user!r}")
    # sudo-rs accepts an @ in quotes only, sudo also without.
    return f'"{user}"' if "@" in user else user.replace("\\", "\\\\")


def _command(words: tuple[str, ...]) -> str:
    text = " ".join(map(_quote, words)) if len(words) > 1 else f'{_quote(words[0])} ""'
    if len(text) > _LENGTH:
        raise ValueError(f"a rule for {words[0]} would be longer than {_LENGTH} characters")
    return text


def _check(words: tuple[str, ...]) -> None:
    """Reject words whose rule would allow more than it shows. Raises ValueError."""
    program, *arguments = words
    if program != HELPER and _INTERPRETERS.fullmatch(program):
        raise ValueError(f"a rule for {program} would be a rule for every program that it can run")
    for argument in arguments:
        if re.search(r"\s", argument):
            raise ValueError(f"the argument {argument!r} of {program} holds a blank, so other arguments would match it")
    for index, argument in enumerate(arguments[:-1]):
        if not _FIRM.fullmatch(argument) or (index > 0 and not argument.startswith("-")):
            raise ValueError(f"{argument!r} of {program} takes free text and has to come last: use Run.helped")


def _quote(word: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", word) or not word or word != word.strip(" "):
        raise ValueError(f"sudoers cannot express the argument {word!r}")
    return _SPECIAL.sub(r"\\\1", word.replace("\\", "\\" * 4).replace('"', '\\\\"'))
