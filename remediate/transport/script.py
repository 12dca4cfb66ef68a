"""Builds the POSIX sh script for a host, which surveys, or locks, acts and surveys.

The script arrives on the standard input of `/bin/sh -s`, so the login shell never sees it. The whole script is a
function that its last line calls, so a script that arrives incomplete runs nothing. It writes no file. Its answer
consists of frames. Each begins with a line with a nonce, which no program on the host can know beforehand:

    hello                    the shell has the whole script and runs it
    lock held | busy | none  the lock of this host; busy is followed by its holders
    fence held | moved I     whether everything is still as the guards saw it
    out I, err I, exit I S   one answer: raw standard output, standard error, exit status
    ended I S whole          the exit status of one that was asked in turn: the last word shows that it is not cut
    acted                    the steps are over
    round                    one whole survey has been answered
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from pydantic import Field, SecretStr

from remediate.core.command import ROOT, TAB, Run, lasting
from remediate.core.field_types import FrozenModel
from remediate.core.helper import IN_TIME, SEVERAL_SECONDS, in_turn
from remediate.core.program_text import HELPER, SEVERAL

STDOUT_LIMIT: Final = 32 * 1024
"""The most bytes of one answer. They are fewer than a pipe's 64 KiB, so that probes never wait for each other."""
STDERR_LIMIT: Final = 8 * 1024
RETRY_SECONDS: Final = 10
"""The seconds for which a command that was turned away is retried (Run.retry).

Under load an attempt takes a second, and many others try at the same time.
"""
LOCK_FILE: Final = "/etc/machine-id"
"""The locked file. It exists on every systemd host, and everyone may read it.

flock(1) needs no more. So it works as any user, on a full disk and on a read-only root. Our own lock file would not
(fs.protected_regular, ENOSPC, EROFS).
"""
APPLY_TAG: Final = "remediate-apply"
"""An argument of the lock's holder, by which a second run finds and names it."""

FOLDERS: Final = " ".join(("/", *(str(each) for each in reversed(PurePosixPath(HELPER).parents[:-1]))))
"""The folders above the helper. It is not used if others than root can write one, and so replace it."""
_PRELUDE: Final = r"""
exec 2>/dev/null
LC_ALL=C LANGUAGE= PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL LANGUAGE PATH
ME=$(id -un)
[ "$(id -u)" != 0 ] || ME=root
frame() { printf '\n%s %s\n' "$N" "$*"; }
HELPED= MANY=
if [ -x HELPER ] && [ -z "$(find FOLDERS HELPER -maxdepth 0 \( ! -user root -o -perm /022 \))" ]; then
  HELPED=1
  { read -r l; read -r l; } <HELPER
  case $l in *" with SEVERAL, "*) MANY=1 ;; esac
fi
several() { [ -n "$MANY" ] && [ "$ME" != root ]; }
end=
IN_TIME
begun() {
  [ -n "$h" ] || { timeout -k 5 "$t" "$@"; return; }
  { give "${h#-}
"; cat; } 2>/dev/null | timeout -k 5 "$t" "$@"
}
run() {
  t=$1 u=$2 r=$3 v=$4 k=$5 d=$6 h=; shift 6
  case $u in
    -|"$ME") ;;
    *)
      if [ "$ME" = root ]; then set -- runuser -u "$u" -- "$@"
      elif [ "$v" != - ] && [ -n "$HELPED" ]; then
        shift $(($# - k)); h="-	$d"
        for a in "$@"; do h="$h	$a"; done
        set -- sudo -n -u "$u" -- HELPER "$v"
      else set -- sudo -n -u "$u" -- "$@"; fi ;;
  esac
  [ -n "$r" ] || { begun "$@"; return; }
  w=
  {
    while :; do
      e=$(begun "$@" 2>&1 >&6 6>&-); s=$?
      [ "$s" != 0 ] && printf '%s\n' "$e" | grep -Eq -e "$r" || break
      n=$(date +%s); w=${w:-$((n + RETRY))}
      [ "$n" -lt "$w" ] || break
      sleep 0.1
    done
  } 6>&1
  printf '%s' "$e" >&2
  return "$s"
}
q() {
  i=$1; shift
  frame out "$i"
  { s=$({
    e=$({ { run "$@" 4>&- 5<&-; printf '%s' "$?" >&4; } <&5 3>&- 9<&- | head -c LIMIT >&3 4>&-; } 2>&1 |
      tail -c ERRORS)
    { frame err "$i"; printf '%s' "$e"; } >&3
  } 4>&1); } 3>&1
  frame exit "$i" "$s"
  return "${s:-1}"
}
brief() {
  in_time || return 1
  i=$1; shift
  frame out "$i"
  e=$(run "$@" 2>&1 >&3 3>&- 9<&- </dev/null); s=$?
  frame err "$i"; printf '%s' "$e"
  frame ended "$i" "$s" whole
  case $s in 124|137) return 1 ;; esac
}
case "$(command -v printf) $(command -v print)" in
  printf\ *) give() { printf %s "$1"; } ;;
  *\ print) give() { print -rn -- "$1"; } ;;
  *) give() { return 1; } ;;
esac
frame hello
"""


_HELD: Final = rf"""
held() {{
  set -- $(ls -Li {LOCK_FILE})
  l="FLOCK .*:$1 0 EOF"
  set -- $(grep -s "^lock:.* $l" /proc/[0-9]*/fdinfo/* | cut -d/ -f3 | sort -u)
  [ $# != 0 ] || set -- $(grep "^[0-9]*: $l" /proc/locks | tr -s ' ' | cut -d' ' -f5)
  [ $# != 0 ] || echo hidden
  for p; do ps -o uid=,pid=,user=,args= -p "$p" | sed 's/^/held /' | grep . || echo hidden; done
}}""".strip()
"""Prints the holders of the lock.

A process's locks are listed in its fdinfo, which only root and its owner may read. For other users, /proc/locks names
the process that took the lock; it may have passed the lock on and be gone.
"""


class Fence(FrozenModel):
    """An answer that a guard saw, and that must be unchanged when the steps begin.

    It is compared byte for byte, without its `volatile` parts.
    """

    run: Run
    stdout: str
    exit: int = 0
    volatile: str = Field(
        default="",
        pattern=r"^(?:[A-Za-z0-9 ,:=.]\*?)*$",
        description="what is left out on both sides: in this alphabet sed's basic and Python's expressions are alike",
    )

    def held(self, stdout: str, code: int) -> bool:
        """Return whether this answer is unchanged. The script makes the same comparison in shell."""
        return lasting(f"{stdout}={code}", self.volatile) == self.seen

    @property
    def seen(self) -> str:
        """The text to compare with. It includes the exit status, which is all that some checks return."""
        return lasting(f"{self.stdout}={self.exit}", self.volatile)


class Act(FrozenModel):
    """The commands of one remedy, run in order under the lock. The first failure ends them."""

    steps: tuple[Run, ...] = Field(min_length=1)
    fence: tuple[Fence, ...] = ()
    wait: float = Field(default=0, ge=0, description="seconds to wait for the lock")
    despite: str = Field(default="", description="who may hold the lock all the same, as `held` on the host says it")
    settle: float = Field(default=10, ge=0, description="seconds the lock is kept when the controller is gone")


def build(nonce: str, asked: Sequence[Run], act: Act | None = None, turns: Sequence[Sequence[int]] = ()) -> bytes:
    """Return the script for `act`, if given, and for asking `asked` once per round.

    The questions at the positions of one of `turns` are asked one after the other, all others at once.

    The first round follows at once; each line `again` on standard input starts another one.
    """
    in_turn = {index for turn in turns for index in turn}
    apart = [_question(str(index), run) for index, run in enumerate(asked) if index not in in_turn]
    body = [
        "remediate() {",
        f"N={nonce}",
        _prelude(),
        "survey() {",
        # Turns come last, where their answers wait for no later stage.
        _concurrently([*apart, *(_in_turn([(index, asked[index]) for index in turn]) for turn in turns)]),
        "frame round",
        "}",
    ]
    if act is not None:
        body += _acting(act)
    body += [
        "survey",
        'while IFS= read -r answer && [ "$answer" = again ]; do survey; done',
    ]
    if act is not None:
        # If the controller is gone, the lock is kept: another run must not start before this one has settled.
        body.append(f'[ "$answer" = done ] || sleep {act.settle:g}')
    body += ["}", "{ remediate; exit; }", ""]
    return "\n".join(body).encode(errors="surrogateescape")


def _prelude() -> str:
    constants = {
        "LIMIT": STDOUT_LIMIT + 1,
        "ERRORS": STDERR_LIMIT,
        "RETRY": RETRY_SECONDS,
        "HELPER": HELPER,
        "SEVERAL": SEVERAL,
        "IN_TIME": IN_TIME,
    }
    constants["FOLDERS"] = FOLDERS
    return re.sub("|".join(constants), lambda name: str(constants[name[0]]), _PRELUDE).strip("\n")


def shell_command(seconds: float, *, owner: Sequence[str] = ()) -> str:
    """Return the command for the login shell. sh, csh and fish read its plain words alike."""
    words = ["timeout", "-k", "5", f"{seconds:.0f}", "/bin/sh", "-s"]
    return " ".join([*words, *((APPLY_TAG, *owner) if owner else ())])


def _question(index: str, run: Run) -> str:
    # The input comes on descriptor 5, because standard input is the script itself.
    if run.stdin is None:
        return f"q {index} {_words(run)} 5</dev/null"
    return f"{_written(run.stdin)} | q {index} {_words(run)} 5<&0"


def _in_turn(questions: Sequence[tuple[int, Run]]) -> str:
    """Ask one after the other, with one pipe and one limit for all.

    Root's are asked by one call where the helper can. One that is not answered in time ends the turn, so that it delays
    no other: what is left is asked by itself. So is what has not begun after TURN_SECONDS.
    """
    text = " &&\n".join(f"brief {index} {_words(run)}" for index, run in questions)
    if questions[0][1].user == ROOT:
        permissions = ((index, in_turn(run)) for index, run in questions)
        lines = "".join(f"{TAB.join((str(index), run.digest, *run.arguments))}\n" for index, run in permissions)
        asked = f"timeout -k 5 {SEVERAL_SECONDS} sudo -n -u {ROOT} -- {HELPER} {SEVERAL} 3>&- 9<&-"
        text = f'if several; then {{ give "$N\n"; give {shlex.quote(lines)}; }} | {asked}\nelse {text}; fi'
    # If the last frame is cut in its first line, the next one needs a line of its own all the same.
    return f"{{ {{ {text}; }} 3>&1 | head -c {STDOUT_LIMIT + 1}; echo; }}"


def _written(text: SecretStr) -> str:
    # `give` uses shell builtins only, because every user of the host can see a program's arguments.
    return f"give {shlex.quote(text.get_secret_value())}"


def _words(run: Run) -> str:
    helped = f"{run.verb} {run.handed} {run.digest}" if run.verb else "- 0 -"
    return f"{run.seconds:g} {run.user or '-'} {shlex.quote(run.retry)} {helped} {shlex.join(run.argv)}"


def _concurrently(stages: Sequence[str]) -> str:
    """Chain the stages so that all start at once and answer one after the other.

    Each writes into its own pipe, which is copied once the later stages are done. So two answers can never interleave.
    It takes no temporary file, no lock, and nothing that POSIX sh does not have.
    """
    if not stages:
        return ":"
    *earlier, text = stages
    for stage in reversed(earlier):
        text = f"{stage} | {{ {text}\ncat; }}"
    return text


def _acting(act: Act) -> list[str]:
    lines = [
        # From here on a broken pipe must not end the shell between two steps.
        "trap '' PIPE",
        f"command -v flock >/dev/null && [ -r {LOCK_FILE} ] || {{ frame lock none; return; }}",
        f"exec 9<{LOCK_FILE}",
        _HELD,
        f"flock {f'-w {act.wait:g}' if act.wait else '-n'} 9 9<&9 ||",
        *([f'[ "$(held)" = {shlex.quote(act.despite)} ] ||'] if act.despite else []),
        "{ frame lock busy",
        f"{{ echo me $(id -u); held; ps -eo etimes=,args= | grep '[r]{APPLY_TAG[1:]}'; }} | head -c {STDERR_LIMIT}",
        "frame end; return; }",
        "frame lock held",
    ]
    for index, fence in enumerate(act.fence):
        seen = shlex.quote(fence.seen)
        given = "</dev/null" if fence.run.stdin is None else ""
        source = f"{_written(fence.run.stdin)} | " if fence.run.stdin is not None else ""
        asked = f'{source}run {_words(fence.run)} {given} 9<&-; echo "=$?"'
        if fence.volatile:
            asked = f"{{ {asked}; }} | sed {shlex.quote(f's/{fence.volatile}//g')}"
        lines.append(f'[ "$({asked})" = {seen} ] || {{ frame fence moved {index}; return; }}')
    lines.append("frame fence held")
    lines.append(" &&\n".join(_question(f"s{index}", step) for index, step in enumerate(act.steps)))
    lines.append("frame acted")
    return lines
