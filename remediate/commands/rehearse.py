"""rehearse.*: break hosts on purpose to prove what a playbook claims."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from remediate.commands.mend import Flags, inventory_of, text_of
from remediate.commands.privileges import sudoers_of
from remediate.commands.terminal import Terminal, stoppable
from remediate.errors import ConfigurationError
from remediate.fleet import select
from remediate.host import Host
from remediate.outcome import FAILED_EXIT_CODE, RunVerdict
from remediate.playbook import Playbook
from remediate.project import Project
from remediate.rehearsal.checkout import Checkout
from remediate.rehearsal.content import write_record
from remediate.rehearsal.outcome import RehearsalReport, TrialOutcome
from remediate.rehearsal.placement import DEFAULT_NAME, STOCK
from remediate.rehearsal.places import ContainerPlace, HostPlace, Place
from remediate.rehearsal.rehearse import Plan, rehearse
from remediate.rehearsal.trial import Pairs, Trial, matrix
from remediate.report.rehearsal import junit, markdown, summary_lines, trial_lines

_CONTAINERS: Final = 2
_AT_MOST: Final = 16


def rehearse_playbooks(names: Sequence[str], flags: Flags, project: Project, terminal: Terminal) -> int:
    """Rehearse some playbooks one after the other and tell it; 5 when anything deviates from what is declared."""
    root = project.demand_root()
    pairs, wanted = _pairs(flags), text_of(flags, "fault")
    files = {name: _file(flags, name) for name in ("junit", "markdown")}
    playbooks = [project.load(name) for name in names]
    example = described(project) if flags.get("host") is None else _only_host(flags, project)
    plans = [_plan(playbook, example, pairs, wanted, flags, root) for playbook in playbooks]
    if not any(plan.trials for plan in plans):
        known = ", ".join(_names(playbooks, example, pairs))
        raise ConfigurationError(f"no case called {wanted}; there are: {known}" if wanted else "no case is declared")
    reports: list[RehearsalReport] = []
    with stoppable() as stop, _places(flags, project, example, terminal) as places:
        planned = (plan for plan in plans if plan.trials)
        reports += [_rehearsed(plan, places, terminal, stop) for plan in planned if not stop.is_set()]
    if files["junit"]:
        files["junit"].write_text(junit(reports))
    if files["markdown"]:
        files["markdown"].write_text("\n".join(markdown(report) for report in reports))
    for report in reports:
        if report.whole and not report.stopped:
            write_record(report, root)
        if flags.get("json"):
            terminal.say(report.model_dump_json())
    if any(report.stopped for report in reports):
        return RunVerdict.INTERRUPTED.exit_code
    return 0 if all(report.passed for report in reports) else FAILED_EXIT_CODE


def _rehearsed(plan: Plan, places: Sequence[Place], terminal: Terminal, stop: Event) -> RehearsalReport:
    def told(number: int, total: int, trial: TrialOutcome) -> None:
        terminal.err.write("".join(f"{line}\n" for line in trial_lines(number, total, trial)))
        terminal.err.flush()

    report = rehearse(plan, places, told=told, stop=stop)
    narrative = terminal.err
    for line in summary_lines(report):
        narrative.write(f"{line}\n")
    narrative.flush()
    return report


def _plan(playbook: Playbook, example: Host, pairs: Pairs, wanted: str | None, flags: Flags, root: Path) -> Plan:
    trials = matrix(playbook.cases(example), pairs)
    if wanted is not None:
        names = {name.strip() for name in wanted.split(",")}
        # A pair is named by both its faults, whichever pairs are on.
        every = matrix(playbook.cases(example), Pairs.ALL)
        chosen: tuple[Trial, ...] = tuple(trial for trial in every if trial.name in names)
    else:
        # Without a case of its own there is nothing that a rehearsal could prove.
        chosen = trials if len(trials) > 1 else ()
    return Plan(
        playbook=playbook,
        trials=chosen,
        whole=wanted is None and pairs is not Pairs.NONE,
        journal=root / ".staging" / "rehearsals" / "journal.sqlite3",
        yardstick=bool(flags.get("yardstick")),
    )


def _names(playbooks: Sequence[Playbook], example: Host, pairs: Pairs) -> list[str]:
    return [trial.name for playbook in playbooks for trial in matrix(playbook.cases(example), pairs)]


@contextmanager
def _places(flags: Flags, project: Project, example: Host, terminal: Terminal) -> Iterator[list[Place]]:
    """Take the hosts to rehearse on, and give them back; only one rehearsal of a checkout at a time."""
    with ExitStack() as stack:
        stack.enter_context(Checkout(project.demand_root() / ".staging").alone("rehearsal", terminal.progress))
        if flags.get("host") is not None:
            if not flags.get("yes"):
                raise ConfigurationError(f"{example.name} will be broken again and again: say --yes")
            place: Place = HostPlace(example)
            stack.callback(place.close)
            yield [place]
            return
        places: list[Place] = []
        for number in range(1, _containers(flags) + 1):
            place = container(f"rehearsal-{number}", project, text_of(flags, "image"), terminal)
            stack.callback(place.close)
            places.append(place)
        yield places


def container(name: str, project: Project, image: str | None, terminal: Terminal | None = None) -> ContainerPlace:
    """Return a staging container to rehearse on; nothing is started yet."""
    directory = project.demand_root() / ".staging"

    def building(text: str) -> None:
        # Each trial boots a host: only what takes long is worth a line.
        if terminal is not None and text.startswith("image "):
            terminal.progress(text)

    return ContainerPlace(
        name,
        directory=directory,
        stock=_own_stock(project),
        sudoers=lambda host: sudoers_of(host, project),
        image=image,
        progress=building,
    )


def described(project: Project) -> Host:
    """Return the staging host as the inventory describes it, without any being up: what cases are declared for."""
    return select(DEFAULT_NAME, _own_stock(project) or STOCK)[0]


def _own_stock(project: Project) -> Path | None:
    own = project.demand_root() / "inventories" / STOCK.name
    return own if own.is_file() else None


def _only_host(flags: Flags, project: Project) -> Host:
    hosts = select(str(flags["host"]), inventory_of(flags, project))
    if len(hosts) != 1:
        raise ConfigurationError(f"a rehearsal breaks one host, and --host names {len(hosts)}")
    return hosts[0]


def _pairs(flags: Flags) -> Pairs:
    given = text_of(flags, "pairs") or Pairs.SOME.value
    try:
        return Pairs(given)
    except ValueError:
        raise ConfigurationError(f"--pairs takes {', '.join(each.value for each in Pairs)}, not {given!r}") from None


def _containers(flags: Flags) -> int:
    given = text_of(flags, "containers") or str(min(_CONTAINERS, os.cpu_count() or 1))
    if not given.isdecimal() or not 1 <= int(given) <= _AT_MOST:
        raise ConfigurationError(f"--containers takes a number from 1 to {_AT_MOST}, not {given!r}")
    return int(given)


def _file(flags: Flags, name: str) -> Path | None:
    given = text_of(flags, name)
    if given is None:
        return None
    path = Path(given)
    if not path.parent.is_dir() or path.is_dir():
        raise ConfigurationError(f"--{name}: {given} cannot be written")
    return path
