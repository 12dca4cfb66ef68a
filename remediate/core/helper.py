"""Writes a host's root-owned helper, for programs that no sudo rule can allow safely.

A sudo rule names the helper and one verb. The first line on standard input holds the digest of the verb's program and
its arguments. That line has to match one that was declared when the helper was made. The rest is the program's own
input. The helper trusts nothing else: it sets its own environment, PATH and directory, and only root can write its
file and the folders above it.
"""

import re
import shlex
from collections.abc import Iterable
from typing import Final

from remediate.core.command import TAB, Run
from remediate.core.program_text import HELPER_VERSION

UNDECLARED: Final = 77
"""Exit status of the helper for an undeclared verb or undeclared arguments (sysexits.h: EX_NOPERM)."""
COMPLAINT: Final = "remediate helper:"
"""The beginning of the helper's own messages on standard error."""

_SHEBANG: Final = "#!/usr/bin/env -S -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C /bin/sh"
_HEAD: Final = f"""\
# remediate's helper, version {HELPER_VERSION}, made by `sudoers`. Make it again when that or the inventory changes.
# Only root may write this file and the folders above it. Each verb is one rule in the sudoers file.
set -f
cd / || exit 70
umask 022
complain() {{ echo "{COMPLAINT} $2" >&2; exit "$1"; }}
[ "$#" = 1 ] || complain 64 "one verb is expected"
IFS= read -r asked || complain 64 "the arguments are missing"
case "$(id -un) $1$asked" in
"""
_REFUSAL: Final = f"""\
*) complain {UNDECLARED} "$1 was not declared with these arguments: run sudoers again" ;;
esac
IFS='{TAB}'
set -- "$1" $asked
unset IFS asked
verb=$1; shift 2
case $verb in
"""


def helper(commands: Iterable[Run]) -> str:
    """Return the text of one host's helper for all these commands.

    Raises ValueError for arguments that it could not tell apart, and for one verb with two programs.
    """
    runs = [run for run in commands if run.verb and run.user is not None]
    programs: dict[str, tuple[str, ...]] = {}
    for run in runs:
        _check(run)
        if programs.setdefault(run.verb, run.fixed) != run.fixed:
            raise ValueError(f"{run.verb} would stand for two programs")
    declared = "".join(f"{shlex.quote(line)}) ;;\n" for line in sorted({run.declared for run in runs}))
    known = "".join(f'{verb}) exec {shlex.join(words)} "$@" ;;\n' for verb, words in sorted(programs.items()))
    return f'{_SHEBANG}\n{_HEAD}{declared}{_REFUSAL}{known}*) complain 70 "$verb is no verb" ;;\nesac\n'


def declared_in(text: str) -> tuple[str, ...]:
    """Return the declared lines from those lines of a helper that begin with a quote.

    Raises ValueError for a text that `helper` did not write.
    """
    return tuple(
        shlex.split(line.removesuffix(") ;;"))[0]
        for line in text.split("\n")
        if line.startswith("'") and line.endswith(") ;;")
    )


def _check(run: Run) -> None:
    for argument in run.arguments:
        if not argument or re.search(r"[\x00-\x1f\x7f]", argument):
            raise ValueError(f"the helper cannot be handed the argument {argument!r} of {run.verb}")
