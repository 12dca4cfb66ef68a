"""Makes docs/performance.md of the results. All its numbers come from them."""

from collections.abc import Callable, Iterable, Sequence
from textwrap import fill
from typing import Final

from bench.cases import (
    AT_ONCE,
    CHECK,
    FIXES,
    IMPORT_FABRIC,
    MANY,
    QUESTION,
    QUESTIONS,
    STARTS,
    URL,
    Case,
    Group,
    State,
)
from bench.results import Phases, Results, Spread, ratio, spread, trips, walls
from bench.targets import Judged, judged

QUIET: Final = 0.1
"""The share of the cores up to which a machine counts as idle."""
_TRIPS: Final = (0, 20, 100)


def render(results: Results) -> str:
    """Return the page."""
    return _PAGE.format(
        busy=_busy(results),
        machine=_table(("", ""), [("commit", results.commit), *results.machine.items(), *results.versions.items()]),
        date=results.date,
        share=f"{results.busy * 100:.0f} %",
        targets=_targets(results),
        healthy=_one_host(results, State.HEALTHY),
        stopped=_one_host(results, State.STOPPED),
        ratios=_ratios(results),
        costs=_costs(results),
        many=_many(results),
        served=_served(results),
        starts=_starts(results),
        phases=_phases(results),
        asks=_list(QUESTIONS),
        fixes=_list(FIXES),
        question=QUESTION.replace(URL, "URL"),
        url=URL,
        at_once=AT_ONCE,
        restart=_milliseconds(spread(results.restart)),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spread(found: Spread | None, digits: int = 0, scale: float = 1) -> str:
    if found is None:
        return "-"
    low, middle, high = (f"{each * scale:.{digits}f}" for each in found)
    return f"{middle} ({low}-{high})"


def _milliseconds(found: Spread | None) -> str:
    return _spread(found, scale=1000)


def _list(cases: Iterable[Case]) -> str:
    lines = (f"- **{each.name}**: {each.asks}." for each in cases)
    return "\n".join(fill(line, 120, subsequent_indent="  ", break_on_hyphens=False) for line in lines)


def _busy(results: Results) -> str:
    if results.busy <= QUIET:
        return ""
    text = f"**The machine was busy: {results.busy:.0%} of its cores were in use by others. These times say little.**"
    return f"\n{text.replace('%', ' %')}\n"


def _targets(results: Results) -> str:
    def number(value: float, unit: str) -> str:
        return f"{value:.0f} {unit}" if unit == "MiB" else f"{value:.2f} {unit}"

    answers = {True: "yes", False: "**no**", None: "not measured"}

    def row(each: Judged) -> Sequence[str]:
        value = "-" if each.value is None else number(each.value, each.unit)
        met = answers[each.met] if results.busy <= QUIET or each.met is None else "cannot know"
        return (each.what, value, number(each.limit, each.unit), met)

    return _table(("target", "measured", "at most", "met"), map(row, judged(results)))


def _one_host(results: Results, state: State) -> str:
    def row(case: Case) -> Sequence[str]:
        times = [walls(results.of(case, Group((), 0, state, trip))) for trip in _TRIPS]
        far = trips(list(times[0].values()), list(times[-1].values()), _TRIPS[-1] / 1000)
        return (
            case.name,
            *(_milliseconds(spread(each.values())) for each in times),
            "-" if far is None else f"{far:.1f}",
        )

    return _table(("", *(f"{trip} ms" for trip in _TRIPS), "round trips"), [row(case) for case in QUESTIONS])


def _ratios(results: Results) -> str:
    def row(theirs: Case) -> Sequence[str]:
        groups = [Group((), 0, state, trip) for state in State for trip in (0, 100)]
        found = (ratio(walls(results.of(CHECK, each)), walls(results.of(theirs, each))) for each in groups)
        return (theirs.name, *(_spread(each, 2) for each in found))

    head = ("to", *(f"{state.value}, {trip} ms" for state in State for trip in (0, 100)))
    return _table(head, [row(each) for each in QUESTIONS if "remediate" not in each.name])


def _costs(results: Results) -> str:
    def row(case: Case) -> Sequence[str]:
        samples = results.of(case, Group((), 0)).values()
        used = spread(each.host_cpu for each in samples if each.host_cpu is not None)
        memory = spread(each.rss / 1024 for each in samples)
        return (case.name, _milliseconds(spread(each.cpu for each in samples)), _milliseconds(used), _spread(memory))

    return _table(("", "CPU here, ms", "CPU of the host, ms", "memory here, MiB"), [row(case) for case in QUESTIONS])


def _many(results: Results) -> str:
    places = [Group((), 0, hosts=10), Group((), 0, round_trip=100, hosts=10)]
    places += [Group((), 0, hosts=number) for number in (100, 1000)]
    places = [each for each in places if any(results.of(case, each) for case in MANY)]

    def row(case: Case) -> Sequence[str]:
        memory = spread(each.rss / 1024 for each in results.of(case, Group((), 0, hosts=100)).values())
        times = (_spread(spread(walls(results.of(case, each)).values()), 2) for each in places)
        return (case.name, *times, "-" if memory is None else f"{memory.middle:.0f}")

    head = ("", *(f"{each.hosts} hosts, {each.round_trip} ms" for each in places), "MiB for 100")
    return _table(head, [row(case) for case in MANY])


def _served(results: Results) -> str:
    def row(case: Case) -> Sequence[str]:
        places = (Group((), 0, State.STOPPED, trip) for trip in (0, 100))
        return (case.name, *(_milliseconds(spread(walls(results.of(case, each)).values())) for each in places))

    return _table(("", "0 ms", "100 ms"), [row(case) for case in FIXES])


def _starts(results: Results) -> str:
    base = walls(results.of(IMPORT_FABRIC, Group((), 0)))

    def row(case: Case) -> Sequence[str]:
        times = walls(results.of(case, Group((), 0)))
        return (case.name, _milliseconds(spread(times.values())), _spread(ratio(times, base), 2))

    return _table(("", "ms", "to import fabric"), [row(case) for case in STARTS])


def _phases(results: Results) -> str:
    names = list(dict.fromkeys(each.case for each in results.phases))
    parts: tuple[Callable[[Phases], float], ...] = (
        lambda each: each.start,
        lambda each: each.keys,
        lambda each: each.login,
        lambda each: each.asking,
        lambda each: each.ending,
    )

    def row(name: str) -> Sequence[str]:
        of = [each for each in results.phases if each.case == name]
        return (name, *(_milliseconds(spread(part(each) for each in of)) for part in parts))

    return _table(("", "start", "key exchange", "login", "asking", "ending"), [row(name) for name in names])


_PAGE: Final = """# Performance

`make bench` writes this page, [its numbers](performance.json) and the plot. It asks the same questions with remediate
and with other tools, in one run on one machine. The programs of a table run in turn, round after round, each round
beginning with another one. A cell is a median, with the quartiles in brackets. A ratio is the median of the ratios
within the rounds.
{busy}
Measured on {date}. Others used {share} of the cores when it began or when it ended.

{machine}

Every program runs on the same Python, in an environment of its own, with all its bytecode compiled. The versions are
pinned with hashes in `tests/bench/requirements`. Measured are whole processes, from start to exit, by the wall clock. A
run counts only if it ends with the right exit status and prints the right answer for every host.

## Targets

{targets}

## One host

The host is a container on the same machine, with an idle site: PHP-FPM, nginx, MariaDB, Redis, supervisor. "20 ms" and
"100 ms" are the round trip to it: a proxy delivers everything half a round trip late, SSH and HTTPS alike
(`tests/bench/delay_proxy.py`). "round trips" is the difference between 100 ms and 0 ms, divided by 100 ms.

![Time to ask one healthy host](performance.svg)

All is well, in milliseconds:

{healthy}

PHP-FPM is stopped, in milliseconds. Every tool has to report that, and the 502 of the page:

{stopped}

How many times as long as others `remediate, the same questions` takes:

{ratios}

What it costs at 0 ms on a healthy host. "CPU here" is that of the process and of all children that it waited for; the
connections that Ansible leaves open are not among them. "CPU of the host" is all that its control group used,
daemons included, less what it uses when nobody asks. "memory here" is the peak of the largest process: it leaves out
the other forks of Ansible, and is no less than about 12 MiB, which the measuring process needs:

{costs}

## Who asks what

COMMAND says whether three units run, and the status of a page, from the host itself:

```
{question}
```

URL is {url}. Host keys are verified by all but Fabric, which accepts any.

{asks}

## Many hosts

Names of the one staging host, so its two cores, which are also those of the tools, answer for all of them. Every tool
asks {at_once} hosts at a time. In seconds, and in MiB of the largest process:

{many}

## Until the page is served again

PHP-FPM is stopped. Measured is the time from the start of the command until the page is 200, in milliseconds. The bench
looks every 20 ms over a connection of its own, without any delay. `systemctl restart` alone, on the host, takes
{restart} ms.

{served}

{fixes}

## Start

{starts}

## Where each millisecond goes

One healthy host at 0 ms, seen from the side, in milliseconds:

- start: from the start of the process to its TCP connection (interpreter, imports, flags, inventory)
- key exchange: until the client encrypts, as a proxy sees it
- login: until sshd logs the login
- asking: until the last byte from the host (opening the shell, sending the question, the host's work)
- ending: until the process has ended (judging, journal, output, end of the interpreter)

remediate imports its engine and opens its journal during the key exchange and the login.

{phases}
"""
