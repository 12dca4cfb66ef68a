"""Writes a host's root-owned helper, for programs that no sudo rule can allow safely.

A sudo rule names the helper and one verb. The first line on standard input holds the digest of the verb's program and
its arguments. That line has to match one that was declared when the helper was made. The rest is the program's own
input. The helper trusts nothing else: it sets its own environment, PATH and directory, and only root can write its
file and the folders above it.

Brief questions of a survey are asked by one call, with the verb `several`: each is a declared line of its own, with its
deadline, and exactly what its own rule allows. The first line of the input is the nonce of the answer's frames
(remediate.transport.script). So only root is asked in this way: another user's processes can read the helper's memory,
and whoever knows the nonce can answer any question.
"""

import re
import shlex
from collections.abc import Iterable
from typing import Final

from remediate.core.command import TAB, Run
from remediate.core.program_text import HELPER, HELPER_VERSION, SEVERAL

UNDECLARED: Final = 77
"""Exit status of the helper for an undeclared verb or undeclared arguments (sysexits.h: EX_NOPERM)."""
COMPLAINT: Final = "remediate helper:"
"""The beginning of the helper's own messages on standard error."""

SEVERAL_SECONDS: Final = 35
"""The most seconds for all brief questions asked as root. Each has its own deadline as well."""
TURN_SECONDS: Final = 10
"""The seconds after which no further question of a turn begins, so that a turn ends before its survey does."""
IN_TIME: Final = f"""\
in_time() {{
read -r up idle </proc/uptime
up=${{up%.*}} end=${{end:-$((${{up%.*}} + {TURN_SECONDS}))}}
[ "$up" -lt "$end" ]
}}"""
"""Tells in sh whether a turn may go on. It starts no process."""

_SHEBANG: Final = "#!/usr/bin/env -S -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C /bin/sh"
_HEAD: Final = f"""\
# remediate's helper, version {HELPER_VERSION} with {SEVERAL}, made by `sudoers`.
# Make it again when that or the inventory changes.
# Only root may write this file and the folders above it. Each verb is one rule in the sudoers file.
set -f
cd / || exit 70
umask 022
complain() {{ echo "{COMPLAINT} $2" >&2; exit "$1"; }}
[ "$#" = 1 ] || complain 64 "one verb is expected"
IFS= read -r asked || complain 64 "the arguments are missing"
user=$(id -un)
declared() {{
case "$user $1" in
"""
_REFUSAL: Final = """\
*) return 1 ;;
esac
}
perform() {
verb=$1; shift 2
case $verb in
"""
_TAIL: Final = f"""\
*) complain 70 "$verb is no verb" ;;
esac
}}
limited() {{
limit=$3; shift 3
limit="timeout{TAB}-k{TAB}5{TAB}$limit"
perform "$@"
}}
{IN_TIME}
limit= end=
if [ "$1" != {SEVERAL} ]; then
case $asked in "{TAB}"*) declared "$1$asked" ;; *) false ;; esac ||
complain {UNDECLARED} "$1 was not declared with these arguments: run sudoers again"
IFS='{TAB}'
set -- "$1" $asked
unset IFS asked
perform "$@"
fi
nonce=$asked
while in_time && IFS='{TAB}' read -r index asked; do
declared "{SEVERAL}{TAB}$asked" || continue
printf '\\n%s out %s\\n' "$nonce" "$index"
said=$(IFS='{TAB}'; limited {SEVERAL} $asked 2>&1 >&3 3>&- </dev/null); code=$?
printf '\\n%s err %s\\n%s\\n%s ended %s %s whole\\n' "$nonce" "$index" "$said" "$nonce" "$index" "$code"
case $code in 124|137) break ;; esac
done 3>&1
"""


def in_turn(run: Run) -> Run:
    """Return the permission to ask one of several questions: its deadline, and its words or line."""
    words = run.arguments if run.verb else run.argv
    line = (f"{run.seconds:g}", run.verb or "-", run.digest, *words)
    return Run.of(HELPER, user=run.user, seconds=SEVERAL_SECONDS).helped(SEVERAL, *line)


def helper(commands: Iterable[Run]) -> str:
    """Return the text of one host's helper for all these commands.

    Raises ValueError for arguments that it could not tell apart, and for one verb with two programs.
    """
    runs = [run for run in commands if run.verb and run.user is not None]
    programs: dict[str, tuple[str, ...]] = {}
    for run in runs:
        _check(run)
        if run.verb == SEVERAL:
            continue
        if programs.setdefault(run.verb, run.fixed) != run.fixed:
            raise ValueError(f"{run.verb} would stand for two programs")
    declared = "".join(f"{shlex.quote(line)}) ;;\n" for line in sorted({run.declared for run in runs}))
    known = "".join(f'{verb}) exec $limit {shlex.join(words)} "$@" ;;\n' for verb, words in sorted(programs.items()))
    return f'{_SHEBANG}\n{_HEAD}{declared}{_REFUSAL}{known}-) exec $limit "$@" ;;\n{_TAIL}'


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
