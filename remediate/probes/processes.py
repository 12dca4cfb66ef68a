"""Processes by CPU and memory use, measured over seconds, with identity and unit."""

import re
from collections.abc import Collection, Iterator
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel, UnitName, UserName
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.probes.systemd import full_name

COMM: Final = 15  # characters that the kernel keeps of a process's name: proc_pid_comm(5)
_USAGE: Final = r"""
cpu=$1 memory=$2 age=$3 sample=$4 own=$5 units=$6
{
  total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
  for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    most=$(cat "$file")
    case $most in ''|*[!0-9]*|????????????????*) continue ;; esac
    [ $((most / 1024)) -ge "$total" ] || total=$((most / 1024))
  done
  echo "= machine $(getconf CLK_TCK) $(getconf PAGESIZE) $(nproc) $total"
  for part in first second; do
    [ $part = first ] || sleep "$sample"
    echo "= $part $(cut -d ' ' -f 1 /proc/uptime)"
    cat /proc/[0-9]*/stat
    echo "= wait $part"; grep -H '' /proc/[0-9]*/task/*/schedstat
    echo "= rest $part"; grep -H '^voluntary' /proc/[0-9]*/task/*/status
  done
  echo "= groups"; grep -H -e '^0::/' -e ':name=systemd:/' /proc/[0-9]*/cgroup
  echo "= memory"; grep -H '' /proc/[0-9]*/statm
  echo "= owners"; stat -c '%n %U' /proc/[0-9]*
} 2>/dev/null | awk -v cpu="$cpu" -v memory="$memory" -v age="$age" -v own=" $own " -v units="$units" -v self=$$ '
$1 == "=" {
  part = $2
  if (part == "machine") { hz = $3; page = $4; cpus = $5; total = $6 }
  if (part == "wait" || part == "rest") sign = $3 == "first" ? -1 : 1
  if (part == "first") begun = $3
  if (part == "second") ended = $3
  next
}
part == "first" || part == "second" {
  if ($1 !~ /^[0-9]+$/ || !match($0, /\(.*\) /)) next
  comm = substr($0, RSTART + 1, RLENGTH - 3); gsub(/[^A-Za-z0-9_.:@\/+-]/, "?", comm)
  if (split(substr($0, RSTART + RLENGTH), f, " ") < 22) next
  used = f[12] + f[13]; key = $1 ":" f[20]
  if (part == "first") { was[key] = used; ran[key] = f[1] == "R"; next }
  if (f[20] > last) last = f[20]
  start[$1] = f[20]; name[$1] = comm == "" ? "?" : comm; parent[$1] = f[2]; delta[$1] = used - was[key]
  runs[$1] = f[1] == "R" && ran[key]; next
}
{ split($0, path, "/"); pid = path[3] + 0 }
part == "wait" {
  task = path[5] + 0; sub(/^[^:]*:/, "")
  of[task] = pid; wanted[task] += sign * ($1 + $2); queued[task] += sign * $2; next
}
part == "rest" { rests[pid] += sign * $2; next }
part == "groups" && pid in start {
  n = split($0, f, "/"); u = ""
  for (i = 5; i <= n; i++) if (f[i] ~ /\.service$/) {
    gsub(/[^A-Za-z0-9:_.@\\-]/, "?", f[i])
    # A service of a user manager is not the system service that may have the same name.
    u = u ~ /^user@[^\/]*$/ ? u "/" f[i] : f[i]
  }
  if (u != "") unit[pid] = u
}
part == "memory" && pid in start { sub(/^[^:]*:/, ""); private[pid] = ($2 - $3) * page / 1024 }
part == "owners" && pid in start { owner[pid] = $2 }
END {
  if (!(1 in start) || ended <= begun) exit 1
  # What the inventory says is the application, whoever runs it.
  n = split(units, f, " "); for (i = 1; i <= n; i++) { declared[f[i]] = 1; ours[f[i]] = 1 }
  for (pid = self; pid > 1; pid = parent[pid]) { mine[pid] = 1; if (!login && name[pid] ~ /^sshd/) login = pid }
  # The other questions of this connection, too: on a slow host they are old enough to be taken for runaways.
  if (login) for (pid in start) {
    for (p = pid; p > 1 && p != login; p = parent[p]) continue
    if (p == login) mine[pid] = 1
  }
  for (pid in start) {
    percent[pid] = delta[pid] * 100 / (hz * (ended - begun)); busy += percent[pid]
    if (private[pid] > 0) held += private[pid]
    if (index(own, " " owner[pid] " ")) ours[unit[pid]] = 1
  }
  # A database has most of the memory on purpose: what is not the application is asked about when there is none left.
  exhausted = held * 100 >= total * 90
  # Cores that do not work for us although we want them are taken by somebody outside: then nobody has what it wants.
  share = busy < cpus * 60 ? 0.01 : 0.5
  # Only threads that hardly rest: on a busy machine many that sleep wait a little each time they wake.
  for (task in of) if (wanted[task] >= 5e8 * (ended - begun)) waits[of[task]] += queued[task]
  for (pid in start) {
    p = private[pid] < 0 ? 0 : private[pid]
    used = percent[pid]; lived = (last - start[pid]) / hz
    u = unit[pid] == "" ? "-" : unit[pid]; o = owner[pid] == "" ? "?" : owner[pid]
    if (u != "-") group[u] += p; count++
    why = "-"
    # Nanoseconds that it stood in the queue for a core: among many it wants more than it gets. What it waits for at
    # the second look is not counted yet.
    wants = used + (waits[pid] > 0 ? waits[pid] / (1e7 * (ended - begun)) : 0)
    if (runs[pid] && wants >= 60 && wants < 100) wants = 100
    # A service that is not the application has the whole machine for its measure: a database on one core of many works.
    most = u != "-" && index(own, " " o " ") == 0 && !(u in declared) ? cpu * cpus : cpu
    never = most > cpu ? wants >= most : wants >= 95
    # Not told is taken for often: who rests is left alone.
    r = !(pid in rests) ? 999999 : rests[pid] > 0 ? rests[pid] : 0
    if (pid in mine) why = "-"
    else if (lived >= age && (used >= most || never && used >= most * share)) why = "cpu"
    else if (lived >= age && p * 100 >= total * memory && (exhausted || u == "-" || u in ours)) why = "memory"
    # Most interesting last: what is too long is cut at its beginning.
    rank = why == "-" ? used + p * 100 / total : 1e6
    printf "P %.3f %d %d %d %d %d %d %d ", rank, pid, start[pid], lived, used, wants, r, p
    printf "%s %s %s %d %s\n", o, u, name[pid], parent[pid], why
  }
  for (u in group) if (group[u] * 100 >= total * memory && (exhausted || u in ours)) printf "U 2e6 %s %d\n", u, group[u]
  printf "T 3e6 %.2f %d %d %d %d %d\n", ended - begun, cpus, busy, held, total, count
}' | sort -g -k 2 | tail -n 28 | while read -r kind rank rest; do
  case $kind in
    P)
      set -- $rest
      words=$({ tr '\0\t\n' '   ' <"/proc/$1/cmdline"; } 2>/dev/null | cut -c 1-100)
      [ "${12}" = - ] || printf '%s:%s %s %s %s %s\n' "$1" "$2" "${12}" "$8" "$9" "${10}"
      printf 'P %s %s\n' "$rest" "$words" >&2 ;;
    U) printf 'unit %s\n' "${rest%% *}"; printf 'U %s\n' "$rest" >&2 ;;
    T) printf 'T %s\n' "$rest" >&2 ;;
  esac
done
"""
"""Prints which processes use too much on standard output, and how much on standard error.

A fence compares standard output, which stays the same while the amounts change each time.
"""


class Process(FrozenModel):
    """One process, and its use of the machine while it was watched."""

    pid: int
    started: int = Field(description="clock ticks since boot: with the pid, what no other process can have")
    age: int = Field(description="seconds")
    cpu: int = Field(description="percent of one core")
    wanted: int = Field(description="percent of one core that it used or stood in the queue for")
    rests: int = Field(description="how often it waited for something else than a core while it was watched")
    memory_kib: int = Field(description="memory that it shares with nobody")
    user: str
    unit: str | None = Field(
        description="the systemd service whose control group it is in; of a user manager's, after a slash, its own"
    )
    name: str = Field(description="the kernel's name for it (comm)")
    parent: int
    excess: Literal["cpu", "memory"] | None = Field(description="what it has too much of")
    arguments: str

    @property
    def identity(self) -> str:
        """The process id and the start time as one word."""
        return f"{self.pid}:{self.started}"

    def is_called(self, names: Collection[str]) -> bool:
        """Return whether one of these is its name, of which the kernel keeps 15 characters, or its program's."""
        program = self.arguments.partition(" ")[0].rpartition("/")[2]
        return program in names or self.name in {name[:COMM] for name in names}

    def describe(self) -> str:
        """Return the process and its use of the machine as text."""
        words = self.arguments or self.name
        of = f", {self.unit}" if self.unit else ""
        wanted = f" (wants {min(100, self.wanted)} %)" if self.wanted >= self.cpu + 20 else ""
        used = f"{self.cpu} % CPU{wanted}, {self.memory_kib // 1024} MiB, for {self.age} s"
        return f"{self.name} (pid {self.pid}, user {self.user}{of}): {used}: `{words}`"


class UnitUsage(FrozenModel):
    """A service whose processes together use too much memory."""

    unit: str
    memory_kib: int


class Usage(Fact):
    """Use of the machine by all visible processes; in a container, by its own."""

    interval: float = Field(description="seconds over which CPU was measured")
    cores: int
    cpu: int = Field(description="percent of one core, of all processes together")
    memory_kib: int = Field(description="memory that processes share with nobody, together")
    total_kib: int = Field(description="memory of the machine, or what the control group may have of it")
    count: int = Field(description="how many processes there are")
    processes: tuple[Process, ...] = Field(description="those that use most, the greediest last")
    units: tuple[UnitUsage, ...] = Field(description="services whose processes have too much memory together")

    @property
    def culprits(self) -> tuple[Process, ...]:
        """The processes that use too much, and are old enough to be judged."""
        return tuple(process for process in self.processes if process.excess is not None)

    @property
    def exhausted(self) -> bool:
        """True if processes have taken 90 % of the memory or more."""
        return self.memory_kib * 100 >= self.total_kib * 90

    @property
    def short(self) -> bool:
        """True if processes want as much CPU as all cores have, so that others wait."""
        return max(self.cpu, sum(each.wanted for each in self.processes)) >= self.cores * 95

    @property
    @override
    def ok(self) -> bool | None:
        return not (self.culprits or self.units or self.exhausted)

    @override
    def describe(self) -> str:
        if self.culprits:
            others = f", and {len(self.culprits) - 1} more" if len(self.culprits) > 1 else ""
            return f"{self.culprits[-1].describe()}{others}"
        if self.units:
            return f"{self.units[0].unit} has {self.units[0].memory_kib // 1024} MiB of memory"
        return f"CPU {self.cpu} % of {self.cores * 100} %, memory {self.memory_kib * 100 // max(1, self.total_kib)} %"


class Processes(Probe[Usage]):
    """Watch all processes for some seconds and find those that use too much.

    CPU use is the difference between two looks, because %CPU of ps is the average of a whole life. If many processes
    want the cores, a spinning one gets less. So half of the limit is enough for one that never rests, and next to
    nothing if the cores are taken from outside (another container, another virtual machine). A service that is not the
    application's, such as a database, is measured against the whole machine: using one of many cores is its purpose,
    and so is most of the memory while some is left. Memory is what a process shares with no other. Load average and
    free memory are not used, because in a container they are the machine's.
    """

    kind: Literal["process.usage"] = "process.usage"
    subject = "processes"
    cpu: int = Field(default=80, ge=1, le=100, description="percent of one core that is too much")
    memory: int = Field(default=50, ge=1, le=100, description="percent of all memory that is too much")
    age: int = Field(default=300, ge=0, le=86400, description="seconds a process must have lived before it is judged")
    sample: int = Field(default=3, ge=1, le=15, description="seconds of watching")
    own: tuple[UserName, ...] = Field(default=("forge",), description="users whose processes are the application's")
    units: tuple[UnitName, ...] = Field(default=(), description="units that are it as well, whoever runs them")

    @override
    def command(self) -> Run:
        limits = (self.cpu, self.memory, self.age, self.sample)
        own = " ".join(self.own).replace("\\", "\\\\")  # awk reads escapes in what -v gives it
        units = " ".join(map(full_name, self.units))
        return Run.of("sh", "-c", _USAGE, "sh", *map(str, limits), own, units, seconds=self.sample + 10)

    @override
    def parse(self, output: Output) -> Usage:
        lines = output.stderr.splitlines()
        match lines[-1].split() if lines else []:
            case ["T", interval, *counts] if len(counts) == 5 and re.fullmatch(r"[0-9]{1,6}\.[0-9]+", interval):
                cores, cpu, memory, total, count = (whole_number(each, self.label()) for each in counts)
            case _:
                said = last_line(output.stderr)
                raise Unreadable(f"{self.label()}: /proc does not show all of them (hidepid?): {said}")
        usage = Usage(
            interval=float(interval),
            cores=cores,
            cpu=cpu,
            memory_kib=memory,
            total_kib=total,
            count=count,
            processes=tuple(self._processes(lines)),
            units=tuple(self._units(lines)),
        )
        told = {line.split(" ", 1)[0] for line in output.stdout.splitlines() if not line.startswith("unit ")}
        if told != {process.identity for process in usage.culprits}:
            raise Unreadable(f"{self.label()}: the list of the biggest ones is incomplete")
        return usage

    def _processes(self, lines: list[str]) -> Iterator[Process]:
        for line in lines:
            if not line.startswith("P "):
                continue
            match line.split(" ", 13):
                case [_, *numbers, user, unit, name, parent, why, words] if len(numbers) == 7 and why in _WHY:
                    amounts = (whole_number(each, self.label()) for each in (*numbers, parent))
                    texts = {"user": user, "name": name, "arguments": words.strip()}
                    known = {"unit": None if unit == "-" else unit, "excess": _WHY[why]}
                    yield Process.model_validate({**dict(zip(_AMOUNTS, amounts, strict=True)), **texts, **known})
                case _:
                    raise Unreadable(f"{self.label()}: unexpected line {line[:80]!r}")

    def _units(self, lines: list[str]) -> Iterator[UnitUsage]:
        for line in lines:
            match line.split():
                case ["U", unit, memory]:
                    yield UnitUsage(unit=unit, memory_kib=whole_number(memory, self.label()))
                case _:
                    continue


_AMOUNTS: Final = ("pid", "started", "age", "cpu", "wanted", "rests", "memory_kib", "parent")
"""The numbers that a line has of a process, in its order."""
_WHY: Final[dict[str, Literal["cpu", "memory"] | None]] = {"cpu": "cpu", "memory": "memory", "-": None}
