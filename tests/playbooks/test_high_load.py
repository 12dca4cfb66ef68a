"""high-load from the first look to the verdict, on a scripted host."""

import re

import pytest

from remediate.core.command import Output, Run
from remediate.core.facts import Facts
from remediate.core.host import SshTarget
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.playbook import Severity
from remediate.core.probe import Fact, Probe
from remediate.engine.judge import RULES
from remediate.errors import ConfigurationError, Unreadable
from remediate.playbooks.high_load import high_load
from remediate.probes.consumers import Consumer, ConsumerList, Consumers
from remediate.probes.files import LogFileList
from remediate.probes.machine import MachineIdentity, ThisMachine
from remediate.probes.open_files import DeletedFiles, HeldLogs, OpenFiles
from remediate.probes.sudo import SudoRule, SudoRules
from remediate.probes.systemd import Unit
from remediate.remedies.logs import ShortenLogs
from remediate.remedies.process import EndProcess
from remediate.remedies.single import SingleRemedy
from remediate.testing import play
from remediate.triage.candidate import candidate
from support import examples as ex
from support import load_examples as exl
from support.incidents import APP, DEPLOY, FPM_CONFIG, PAGES, host
from support.load_incidents import ACCESS, CALM, FILES, LARAVEL, QUERIES, ROOM, SHORT, USAGE, WRITER, WRITERS
from support.outcomes import code, problem
from support.scripted import ROOT_RULES, Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

HOST = host(log_paths=[ACCESS, LARAVEL], worker_program=None)
LOG = exl.log_file()

HEALTHY = CALM
QUIET: Changes = {USAGE: exl.USAGE}
FULL: Changes = {ROOM: exl.NO_ROOM, FILES: LogFileList(files=(LOG,), unseen=())}
HELD = OpenFiles(files=(exl.opened(size=60 * 1024**2),))
GROWN: Changes = {ROOM: exl.NO_ROOM, DeletedFiles(): HELD, HeldLogs(): OpenFiles(files=(exl.opened(),))}
SYNC: Changes = {
    Unit(name="sync"): ex.RUNNING,
    ThisMachine(): MachineIdentity(machine_id="a", boot_id="b", uptime=9_000.0),
}
RUNAWAY: Changes = {USAGE: exl.busy(exl.process(), cores=1)}
CHILD: Changes = {USAGE: exl.busy(exl.process(unit="php8.2-fpm.service", name="php-fpm8.2"))}
YOUNG = exl.process(900, unit="php8.2-fpm.service", name="php-fpm8.2", age=4, cpu=3, wanted=4, rests=12, excess=None)
MENDED: dict[str, tuple[Changes, Changes, str]] = {
    "process": (RUNAWAY, QUIET, "process.end"),
    "pool": (CHILD, {USAGE: exl.busy(YOUNG)}, "php-fpm.recycle"),
    "deleted log": (GROWN, {ROOM: exl.ROOM, DeletedFiles(): exl.NO_OPEN, HeldLogs(): exl.NO_OPEN}, "log.reopen"),
    "log": (FULL, {ROOM: exl.ROOM, FILES: LogFileList(files=(SHORT,), unseen=())}, "log.shorten"),
}


def test_the_order_is_the_safe_one() -> None:
    kinds = [remedy.kind for remedy in high_load(host(restartable_units=["sync"])).remedies]
    assert kinds == [
        *("laravel.up", "php-fpm.recycle", "unit.restart", "process.end"),
        *("log.reopen", "journal.vacuum", "log.shorten"),
    ]


def test_it_needs_no_site_and_no_application() -> None:
    bare = high_load(host(site_url=None, health_path=None, app_path=None, php=None, worker_program=None))
    assert next(remedy.kind for remedy in bare.remedies) == "process.end"
    assert bare.symptoms == (USAGE, ROOM)


@pytest.mark.parametrize("name", MENDED)
def test_each_cause_is_mended_by_its_own_remedy_and_no_other(name: str) -> None:
    broken, mended, kind = MENDED[name]
    outcome = play(high_load, FactSession({**HEALTHY, **broken}, mended), host=HOST)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert [step.remedy for step in outcome.steps if step.changed] == [kind]
    again = play(high_load, FactSession({**HEALTHY, **broken, **mended}), host=HOST)
    assert (again.verdict, again.touched) == (RunVerdict.HEALTHY, Touched.NO)


def test_a_disk_that_cannot_be_looked_at_is_not_called_healthy() -> None:
    dead = exl.ROOM.model_copy(update={"trouble": "df: /srv: Input/output error"})
    outcome = play(high_load, FactSession({**HEALTHY, ROOM: dead}), host=HOST)
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "unreadable", Touched.NO)
    assert "df: /srv: Input/output error" in problem(outcome).message


LOG_CUT, LOG_LET_GO = MENDED["log"][1], MENDED["deleted log"][1]


@pytest.mark.parametrize(
    ("broken", "effects", "kinds"),
    [
        ({**RUNAWAY, **FULL}, (QUIET, LOG_CUT), ["process.end", "log.shorten"]),
        ({**FULL, **GROWN}, ({**LOG_LET_GO, **LOG_CUT},), ["log.reopen"]),
        ({**FULL, APP: ex.IN_MAINTENANCE}, (LOG_CUT,), ["log.shorten"]),
    ],
    ids=["a process and a full disk", "a deleted log let go of leaves the others", "a full disk in maintenance"],
)
def test_what_is_mended_together(broken: Changes, effects: tuple[Changes, ...], kinds: list[str]) -> None:
    outcome = play(high_load, FactSession({**HEALTHY, **broken}, *effects), host=HOST)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert [step.remedy for step in outcome.steps if step.changed] == kinds


DUMP = ConsumerList(consumers=(Consumer(path="/var/log/nginx/dump.sql", size_kib=65_000),))
DATABASE = exl.process(user="mysql", unit="mariadb.service", name="mariadbd")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({USAGE: exl.busy(exl.process(user="root"))}, "foreign-process"),
        ({USAGE: exl.busy(exl.process(unit="import.service"))}, "unit-process"),
        ({USAGE: exl.busy(DATABASE)}, "protected-process"),
        ({USAGE: exl.busy(DATABASE), QUERIES: exl.SLOW_QUERY}, "query-cause"),
        ({**CHILD, FPM_CONFIG: ex.BROKEN_CONFIG}, "config-broken"),
        ({**RUNAWAY, DEPLOY: ex.DEPLOYING}, "deploy-running"),
        ({**RUNAWAY, APP: ex.IN_MAINTENANCE}, "maintenance-mode"),
        ({**CHILD, APP: ex.IN_MAINTENANCE}, "maintenance-mode"),
        ({USAGE: exl.busy(exl.process(), cores=16)}, "process-left"),
        ({ROOM: exl.NO_ROOM, Consumers(): DUMP}, "disk-foreign"),
        ({**FULL, FILES: LogFileList(files=(exl.log_file(links=2),), unseen=())}, "log-unsafe"),
        ({**FULL, FILES: Unreadable("not now")}, "unreadable"),
        ({USAGE: Unreadable("not now")}, "unreadable"),
        ({USAGE: exl.USAGE.model_copy(update={"memory_kib": 24_000_000})}, "unexplained"),
    ],
)
def test_what_it_must_leave_alone(seen: Changes, expected: str) -> None:
    session = FactSession({**HEALTHY, **seen})
    outcome = play(high_load, session, host=HOST)
    assert (outcome.verdict, code(outcome), session.ran) == (RunVerdict.REFUSED, expected, [])


def test_what_is_left_to_work_is_ended_by_the_command_that_is_advised() -> None:
    busy: Changes = {**HEALTHY, USAGE: exl.busy(exl.process(), cores=16)}
    advised = SingleRemedy(EndProcess, (("even_if_pages_answer", "yes"),))
    outcome = play(advised, session := FactSession(busy, QUIET), host=HOST)
    assert (outcome.verdict, [run.user for run in session.ran]) == (RunVerdict.FIXED, ["forge"])
    assert code(play(SingleRemedy(EndProcess), FactSession(busy), host=HOST)) == "process-left"


def test_in_maintenance_nothing_is_restarted() -> None:
    maintained: Changes = {**HEALTHY, APP: ex.IN_MAINTENANCE}
    outcome = play(high_load, FactSession({**maintained, **FULL, **CHILD}, LOG_CUT), host=HOST)
    assert outcome.verdict is RunVerdict.NOT_FIXED
    assert [step.remedy for step in outcome.steps if step.changed] == ["log.shorten"]
    spinning: Changes = {**maintained, USAGE: exl.busy(exl.process(unit="sync.service")), **SYNC}
    outcome = play(high_load, session := FactSession(spinning), host=host(restartable_units=["sync"]))
    assert (code(outcome), session.ran) == ("maintenance-mode", [])


def test_a_login_that_is_not_the_application_needs_every_rule_and_no_more() -> None:
    deploying = HOST.model_copy(update={"ssh": SshTarget(address="192.0.2.1", user="deploy")})
    host_plan = high_load(deploying)
    usage = next(remedy for remedy in host_plan.remedies if isinstance(remedy, EndProcess)).usage
    runs = {run for remedy in host_plan.remedies for run in remedy.privileges() if run.user != "deploy"}
    allowed = SudoRules(
        user="deploy",
        rules=tuple(SudoRule(run_as=(run.user or "",), command=_as_listed(run), password=False) for run in runs),
    )
    files = LogFileList(files=(exl.log_file(LARAVEL, owner="forge"),), unseen=())
    state: Changes = {**HEALTHY, **FULL, usage: RUNAWAY[USAGE], FILES: files, RULES: allowed}
    short = SHORT.model_copy(update={"path": LARAVEL, "owner": "forge"})
    shortened = LogFileList(files=(short,), unseen=())
    mended: Changes = {usage: exl.USAGE, ROOM: exl.ROOM, FILES: shortened}
    outcome = play(high_load, FactSession(state, {usage: exl.USAGE}, mended), host=deploying)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert [step.remedy for step in outcome.steps if step.changed] == ["process.end", "log.shorten"]


def _as_listed(run: Run) -> str:
    """Return what `sudo -l` prints of a rule for exactly this command."""
    return f"{run.argv[0]} " + (re.sub(r"([^A-Za-z0-9_ /-])", r"\\\1", " ".join(run.argv[1:])) or '""')


def test_a_process_that_is_started_again_is_not_called_fixed() -> None:
    again = exl.process(999, started=2_380_000, age=1, excess=None)
    outcome = play(high_load, FactSession({**HEALTHY, **RUNAWAY}, {USAGE: exl.busy(again, cores=1)}), host=HOST)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "not-verified")
    assert "came back as pid 999" in problem(outcome).message


def test_space_that_df_does_not_show_is_not_called_fixed() -> None:
    late: Changes = {FILES: LogFileList(files=(SHORT,), unseen=())}
    outcome = play(high_load, FactSession({**HEALTHY, **FULL}, late), host=HOST)
    assert outcome.verdict is RunVerdict.NOT_FIXED


def test_a_sample_that_cannot_be_kept_leaves_the_log_as_it_is() -> None:
    (keep, shorten) = ShortenLogs.on(HOST).apply(Facts({ROOM: exl.NO_ROOM, FILES: FULL[FILES], WRITERS: WRITER}))  # type: ignore[dict-item]
    session = FactSession({**HEALTHY, **FULL}, {keep: Output(exit=1, stderr="no place has room")})
    outcome = play(high_load, session, host=HOST)
    assert session.ran == [keep]
    assert shorten not in session.ran
    assert outcome.verdict is RunVerdict.NOT_FIXED


# -- how bad it is -----------------------------------------------------------------------------------------------------

ROOMY_BUT_FULL = exl.NO_ROOM.model_copy(
    update={"systems": (exl.NO_ROOM.systems[1].model_copy(update={"available_kib": 900, "percent": 98}),)}
)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (RUNAWAY, Severity.SEV3),
        ({**RUNAWAY, PAGES[0]: ex.page(504)}, Severity.SEV2),
        ({ROOM: ROOMY_BUT_FULL}, Severity.SEV3),
        ({ROOM: exl.NO_ROOM}, Severity.SEV2),
        ({USAGE: exl.USAGE.model_copy(update={"memory_kib": 24_000_000})}, Severity.SEV2),
        ({PAGES[1]: Unreadable("no network")}, Severity.SEV2),
    ],
)
def test_the_severity_is_decided_by_what_is_seen(seen: Changes, expected: Severity) -> None:
    outcome = play(high_load, FactSession({**HEALTHY, **seen}), host=HOST)
    if outcome.verdict is not RunVerdict.HEALTHY:
        assert outcome.severity is expected
    host_plan = high_load(HOST)
    answers: dict[Probe[Fact], Fact | Unreadable] = {
        probe: answer
        for probe, answer in {**HEALTHY, **seen}.items()
        if isinstance(probe, Probe) and not isinstance(answer, Output)
    }
    incident = candidate(high_load, host_plan, Facts({**answers, RULES: ROOT_RULES}))
    assert (incident.severity, incident.decided) == (expected, True)
    assert high_load.severity is Severity.SEV2


def test_a_rehearsal_needs_a_log() -> None:
    assert any(line.startswith("kill -9") for line in high_load.runbook(HOST))
    with pytest.raises(ConfigurationError, match="log_paths"):
        high_load.cases(host())
