"""Writes the sudoers file that a host needs: exactly the commands that may ever run there, and nothing else."""

import re
from collections.abc import Iterable
from math import ceil

from remediate.command import Run
from remediate.host import Host

_SPECIAL = re.compile(r"([,:=*?\[\]!# ^])")
"""What sudoers(5) gives a meaning in a command or an argument; everything else stands for itself."""

_LOGIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*[$]?")
_ALIAS = re.compile(r"[A-Z][A-Z0-9_]*")
"""An alias, or ALL, wherever sudoers(5) expects a user."""


def render(host: Host, user: str, commands: Iterable[Run]) -> str:
    """Return the file for one host and its SSH user.

    Each rule is one whole command with every argument; nothing matches by pattern. TIMEOUT makes sudo itself end a
    command that ignores its deadline: the caller, not being root, could not (sudoers(5), 1.8.20 and later). Raises
    ValueError for what sudoers would take for something else.
    """
    if not _LOGIN.fullmatch(user) or _ALIAS.fullmatch(user):
        raise ValueError(f"sudoers cannot express the login name {user!r}")
    lines = [
        f"# What remediate may do on {host.name}, and nothing else. Made by `sudoers --host {host.name}`;",
        "# make it again after an update. Install it with: visudo -c -f FILE && install -m 0440 FILE",
        "# /etc/sudoers.d/remediate",
    ]
    # One that differs in what it reads only is the same to sudo.
    permissions = {run.permission: run for run in commands if run.user not in {None, user}}
    for run in sorted(permissions.values(), key=lambda each: (str(each.user), each.argv)):
        words = " ".join(map(_quote, run.argv)) if len(run.argv) > 1 else f'{_quote(run.argv[0])} ""'
        lines.append(f"{user} ALL=({run.user}) TIMEOUT={ceil(run.seconds)}s NOPASSWD: {words}")
    return "\n".join([*lines, ""])


def _quote(word: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", word) or not word or word != word.strip(" "):
        raise ValueError(f"sudoers cannot express the argument {word!r}")
    return _SPECIAL.sub(r"\\\1", word.replace("\\", "\\" * 4).replace('"', '\\\\"'))
