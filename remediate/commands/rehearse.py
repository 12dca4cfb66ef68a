"""rehearse.*: breaks hosts on purpose to prove a playbook's declared cases."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from pydantic import ValidationError

from remediate.commands.given import Flags, file_of, inventory_of, text_of
from remediate.commands.pause import kill_switch
from remediate.commands.privileges import script_of
from remediate.commands.terminal import Terminal, stoppable
from remediate.core.host import Host
from remediate.core.outcome import RunVerdict
from remediate.core.playbook import Playbook
from remediate.engine.fleet import select
from remediate.errors import FAILED_EXIT_CODE, ConfigurationError, nearest, one_line
from remediate.project.project import Project
from remediate.rehearsal.case import Case
from remediate.rehearsal.checkout import Checkout
from remediate.rehearsal.container import find_engine
from remediate.rehearsal.content import write_record
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.observation import demand_testinfra
from remediate.rehearsal.outcome import RehearsalReport, TrialOutcome
from remediate.rehearsal.placement import DEFAULT_NAME, STOCK
from remediate.rehearsal.places import ContainerPlace, HostPlace, Place, demand_disposable
from remediate.rehearsal.rehearse import Plan, rehearse
from remediate.rehearsal.text import closing_lines, junit, markdown, summary_lines, trial_lines
from remediate.rehearsal.trial import Pairs, matrix

_CONTAINERS: Final = 4
"""Default limit of containers. Each is a whole host and takes half a GiB."""
_AT_MOST: Final = 16


def rehearse_playbooks(names: Sequence[str], flags: Flags, project: Project, terminal: Terminal) -> int:
    """Rehearse playbooks one after the other, and report. Returns 5 if a result deviates from its declaration."""
    root = project.demand_root()
    if (pause := kill_switch(project).read()) is not None:
        raise ConfigurationError(f"{pause}; a rehearsal changes hosts, too")
    pairs, wanted = _pairs(flags), _wanted(flags)
    files = {name: file_of(flags, name) for name in ("junit", "markdown")}
    playbooks = [project.load(name) for name in names]
    example = described(project) if flags.get("host") is None else _only_host(flags, project)
    declared = _declared(playbooks, example, project, terminal)
    if wanted is not None:
        _demand_known(wanted, list(declared.values()), pairs)
    plans = [_plan(playbook, cases, pairs, wanted, flags, root) for playbook, cases in declared.items()]
    if not any(plan.trials for plan in plans):
        raise ConfigurationError(f"{', '.join(names) or 'this project'}: no case is declared, so nothing can be proven")
    for playbook, cases in declared.items():
        if not cases:
            terminal.progress(f"{playbook.name} declares no case: nothing of it is rehearsed")
    reports: list[RehearsalReport] = []
    with stoppable() as stop, _places(flags, project, example, terminal) as places:
        planned = (plan for plan in plans if plan.trials)
        reports += [_rehearsed(plan, places, terminal, stop) for plan in planned if not stop.is_set()]
    if flags.get("json"):
        for report in reports:
            terminal.say(report.model_dump_json(by_alias=True))
    asked = sum(1 for plan in plans if plan.trials)
    if asked > 1:
        _tell(closing_lines(reports, asked), terminal)
    _write(reports, files, root)
    # A stop between two playbooks interrupts no trial, but not everything was rehearsed.
    if stop.is_set():
        return RunVerdict.INTERRUPTED.exit_code
    return 0 if all(report.passed for report in reports) else FAILED_EXIT_CODE


def _declared(
    playbooks: Sequence[Playbook], example: Host, project: Project, terminal: Terminal
) -> Mapping[Playbook, tuple[Case, ...]]:
    """Return the cases of each playbook. Raises ConfigurationError.

    Among several, a stock playbook that the staging host has nothing for is left out: not every host is a Laravel one.
    """
    declared: dict[Playbook, tuple[Case, ...]] = {}
    for playbook in playbooks:
        try:
            declared[playbook] = cases_of(playbook, example)
        except ConfigurationError as error:
            if len(playbooks) == 1 or not project.playbooks()[playbook.name].stock:
                raise
            terminal.progress(f"{playbook.name} is not rehearsed: {error}")
    return declared


def _write(reports: Sequence[RehearsalReport], files: Mapping[str, Path | None], root: Path) -> None:
    try:
        if (file := files["junit"]) is not None:
            file.write_text(junit(reports), encoding="utf-8")
        if (file := files["markdown"]) is not None:
            file.write_text("\n".join(markdown(report) for report in reports), encoding="utf-8")
        for report in reports:
            if report.whole and not report.stopped:
                write_record(report, root)
    except OSError as error:
        raise StagingError(f"{error.filename} cannot be written: {error.strerror}") from error


def _rehearsed(plan: Plan, places: Sequence[Place], terminal: Terminal, stop: Event) -> RehearsalReport:
    def told(number: int, total: int, trial: TrialOutcome) -> None:
        _tell(trial_lines(number, total, trial), terminal)

    report = rehearse(plan, places, told=told, stop=stop)
    _tell(summary_lines(report), terminal)
    return report


def _tell(lines: Sequence[str], terminal: Terminal) -> None:
    terminal.err.write("".join(f"{line}\n" for line in lines))
    terminal.err.flush()


def _plan(
    playbook: Playbook, cases: Sequence[Case], pairs: Pairs, wanted: frozenset[str] | None, flags: Flags, root: Path
) -> Plan:
    if wanted is not None:
        # Two joined fault names select a pair, even if --pairs excludes it.
        chosen = tuple(trial for trial in matrix(cases, Pairs.ALL) if trial.name in wanted)
    else:
        # Without declared cases a rehearsal proves nothing.
        chosen = matrix(cases, pairs) if cases else ()
    return Plan(
        playbook=playbook,
        trials=chosen,
        whole=wanted is None and pairs is not Pairs.NONE,
        journal=root / ".staging" / "rehearsals" / "journal.sqlite3",
        yardstick=bool(flags.get("yardstick")),
    )


def cases_of(playbook: Playbook, example: Host) -> tuple[Case, ...]:
    """Return the cases that a playbook declares. Raises ConfigurationError for any error in that code."""
    try:
        cases = playbook.cases(example)
        names = [case.name for case in cases]
    except ConfigurationError:
        raise
    except ValidationError as error:
        raise ConfigurationError(f"the rehearsal of {playbook.name}: {error.title}: {one_line(error)}") from error
    except Exception as error:
        raise ConfigurationError(f"the rehearsal of {playbook.name}: {type(error).__name__}: {error}") from error
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"the rehearsal of {playbook.name} has several cases called {', '.join(twice)}")
    return cases


def _wanted(flags: Flags) -> frozenset[str] | None:
    given = text_of(flags, "fault")
    return None if given is None else frozenset(name.strip() for name in given.split(","))


def _demand_known(wanted: frozenset[str], declared: Sequence[Sequence[Case]], pairs: Pairs) -> None:
    known = {trial.name for cases in declared for trial in matrix(cases, Pairs.ALL)}
    if unknown := sorted(wanted - known):
        shown = dict.fromkeys(trial.name for cases in declared for trial in matrix(cases, pairs))
        meant = nearest(unknown[0], shown)
        raise ConfigurationError(
            f"no case called {', '.join(unknown) or repr('')}; {meant}there are: {', '.join(shown)}"
        )


@contextmanager
def _places(flags: Flags, project: Project, example: Host, terminal: Terminal) -> Iterator[list[Place]]:
    """Take the hosts to rehearse on, and release them. A checkout has one rehearsal at a time."""
    containers = _containers(flags)
    demand_testinfra()
    if flags.get("host") is None:
        find_engine()
    with ExitStack() as stack:
        stack.enter_context(Checkout(project.demand_root() / ".staging").alone("rehearsal", terminal.progress))
        if flags.get("host") is not None:
            place: Place = HostPlace(example)
            stack.callback(place.close)
            yield [place]
            return
        places: list[Place] = []
        for number in range(1, containers + 1):
            place = container(f"rehearsal-{number}", project, text_of(flags, "image"), terminal)
            stack.callback(_closed, place, terminal)
            places.append(place)
        yield places


def _closed(place: Place, terminal: Terminal) -> None:
    try:
        place.close()
    except StagingError as error:  # the results are still worth reporting
        terminal.progress(f"{place.name} is left behind: {error}")


def container(name: str, project: Project, image: str | None, terminal: Terminal | None = None) -> ContainerPlace:
    """Return a staging container to rehearse on; nothing is started yet."""
    directory = project.demand_root() / ".staging"

    def building(text: str) -> None:
        # Each trial boots a host, so only slow steps get a line.
        if terminal is not None and text.startswith("image "):
            terminal.progress(text)

    return ContainerPlace(
        name,
        directory=directory,
        example=described(project),
        installation=lambda host: script_of(host, project),
        image=image or project.image(),
        progress=building,
    )


def described(project: Project) -> Host:
    """Return the staging host as the inventory describes it; cases are declared for it.

    No host needs to be up.
    """
    return select(DEFAULT_NAME, _own_stock(project) or STOCK)[0]


def _own_stock(project: Project) -> Path | None:
    own = project.demand_root() / "inventories" / STOCK.name
    return own if own.is_file() else None


def _only_host(flags: Flags, project: Project) -> Host:
    hosts = select(str(flags["host"]), inventory_of(flags, project))
    if len(hosts) != 1:
        raise ConfigurationError(f"a rehearsal breaks one host, and --host names {len(hosts)}")
    demand_disposable(hosts[0])
    if hosts[0].vaulted:
        raise ConfigurationError(
            f"{hosts[0].name}: its inventory holds encrypted values, which a rehearsal's records would show:"
            " write the values of a disposable host in the clear"
        )
    if not flags.get("yes"):
        raise ConfigurationError(f"{hosts[0].name} will be broken again and again: say --yes")
    return hosts[0]


def _pairs(flags: Flags) -> Pairs:
    given = text_of(flags, "pairs") or Pairs.SOME.value
    try:
        return Pairs(given)
    except ValueError:
        raise ConfigurationError(f"--pairs takes {', '.join(each.value for each in Pairs)}, not {given!r}") from None


def _containers(flags: Flags) -> int:
    given = text_of(flags, "containers") or str(min(_CONTAINERS, (os.cpu_count() or 1) + 1))
    if not given.isdecimal() or not 1 <= int(given) <= _AT_MOST:
        raise ConfigurationError(f"--containers takes a number from 1 to {_AT_MOST}, not {given!r}")
    return int(given)
