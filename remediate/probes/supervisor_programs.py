"""The programs that supervisor is configured with, and which of them are the application's workers."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import FrozenModel
from remediate.probes.discovery import Discovered, Discovery

_PROGRAM: Final = r"""
for file in /etc/supervisor/supervisord.conf /etc/supervisord.conf /etc/supervisor/conf.d/*.conf \
  /etc/supervisord.d/*.ini /etc/supervisord.d/*.conf; do
  [ -e "$file" ] || continue
  [ -r "$file" ] || { echo "closed $file"; continue; }
  # Of a command only artisan and its verb leave the host: the rest may hold a secret.
  awk '
    /^[ \t]*\[/ { sub(/^[ \t]*\[/, ""); sub(/\].*/, ""); print "section " $0; next }
    /^[ \t]*(directory|user|autostart|programs)[ \t]*=/ {
      key = $0; sub(/[ \t]*=.*/, "", key); sub(/^[ \t]*/, "", key)
      value = $0; sub(/^[^=]*=[ \t]*/, "", value); sub(/[ \t]+;.*/, "", value); sub(/[ \t\r]+$/, "", value)
      print key " " value
    }
    /^[ \t]*command[ \t]*=/ {
      if (match($0, /[^ \t=\047"]*artisan[\047"]?[ \t]+[a-z]+(:[a-z]+)?/)) print "runs " substr($0, RSTART, RLENGTH)
    }' "$file"
done
true
"""
_RUNS: Final = re.compile(r"(?P<artisan>(?:\S*/)?artisan)['\"]?\s+(?P<verb>queue:work|queue:listen|horizon)")


class SupervisorProgram(FrozenModel):
    """One program of supervisor's configuration."""

    name: str
    group: str = Field(default="", description="the group it belongs to, where one is configured")
    user: str = ""
    directory: str = ""
    autostart: bool = True
    verb: str = Field(default="", description="artisan's command that works off a queue, if it runs one")
    artisan: str = Field(default="", description="the file of artisan, as the command names it")

    @property
    def target(self) -> str:
        """The name that supervisor's commands take for all its processes."""
        return self.group or self.name

    def is_worker_of(self, paths: tuple[str, ...]) -> bool:
        """Return whether it works off a queue of the application in one of these directories."""
        place = self.artisan.removesuffix("artisan").rstrip("/") if self.artisan.startswith("/") else self.directory
        return bool(self.verb) and place.rstrip("/") in paths


class SupervisorProgramList(Discovered):
    """The programs of supervisor's configuration."""

    programs: tuple[SupervisorProgram, ...]

    @override
    def describe(self) -> str:
        return ", ".join(each.name for each in self.programs) or "no programs"


class SupervisorPrograms(Discovery[SupervisorProgramList]):
    """Read which programs supervisor is configured with."""

    kind: Literal["supervisor.programs"] = "supervisor.programs"
    subject = "programs of supervisor"
    program = _PROGRAM

    @override
    def found(self, lines: Sequence[str], closed: tuple[str, ...]) -> SupervisorProgramList:
        programs: list[SupervisorProgram] = []
        groups: dict[str, str] = {}
        section = ""
        for line in lines:
            word, _, rest = line.partition(" ")
            match word:
                case "section":
                    section = rest
                    if rest.startswith("program:"):
                        programs.append(SupervisorProgram(name=rest.removeprefix("program:").strip()))
                case "programs" if section.startswith("group:"):
                    members = (each.strip() for each in rest.split(","))
                    groups |= dict.fromkeys(members, section.removeprefix("group:").strip())
                case _ if programs and section.startswith("program:"):
                    programs[-1] = programs[-1].model_copy(update=dict(_settings(word, rest)))
        grouped = (each.model_copy(update={"group": groups.get(each.name, "")}) for each in programs)
        return SupervisorProgramList(programs=tuple(grouped), closed=closed)


def _settings(word: str, rest: str) -> Iterator[tuple[str, object]]:
    if word in {"user", "directory"}:
        yield word, rest
    elif word == "autostart":
        yield word, rest.lower() not in {"false", "no", "off", "0", "n", "f"}
    elif word == "runs" and (found := _RUNS.match(rest)):
        yield "verb", found["verb"]
        yield "artisan", found["artisan"]
