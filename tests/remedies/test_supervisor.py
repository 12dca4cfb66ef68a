"""When supervisor and its workers are started, and when not; and that only orphans are ended, for real."""

import getpass
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from remediate.command import ROOT, Output, Run
from remediate.errors import Unreadable
from remediate.host import Host, Settings, SshTarget
from remediate.probe import Fact, Probe
from remediate.probes.supervisor import OrphanWorkers, StrayProcess, StrayWorkers, WorkerIdentity, Workers, WorkerState
from remediate.probes.systemd import Unit
from remediate.remedies.supervisor import RestartSupervisor, StartWorkers
from remediate.survey import Facts
from remediate.testing import SHELLS, installed_shells
from remediate.testing import examples as ex
from toys import UNITS, decide

PATH = "/home/forge/agency-platform"
DAEMON = RestartSupervisor(path=PATH)
UNIT, ORPHANS = Unit(name="supervisor"), OrphanWorkers(user="forge", path=PATH)
START = StartWorkers(program="agency-worker")
WORKERS, IDENTITY = Workers(program="agency-worker"), WorkerIdentity()
LOST = Unreadable("not now")
Known = dict[Probe[Fact], Fact | Unreadable]

RESTART = Run.of("/usr/bin/systemctl", "restart", "supervisor.service", user=ROOT, seconds=100)
RESET = Run.of("/usr/bin/systemctl", "reset-failed", "supervisor.service", user=ROOT, seconds=10)


# -- the daemon --------------------------------------------------------------------------------------------------------

DECISIONS = {
    "running": "skip",
    "failed": "proceed",
    "stopped": "proceed",
    "auto-restart": "proceed",
    "start-limit": "start-limit-hit",
    "masked": "unit-masked",
    "missing": "unit-missing",
    "starting": "wait",
    "stopping": "wait",
    "reloading": "wait",
    "queued": "wait",
}
STRAYS = {"none": ex.NO_STRAYS, "one": ex.strays((101, 5001)), "two": ex.strays((101, 5001), (102, 5002))}


@pytest.mark.parametrize(("unit", "left"), list(product(UNITS, STRAYS)))
def test_every_state_of_the_daemon(unit: str, left: str) -> None:
    state, expected = UNITS[unit], DECISIONS[unit]
    assert decide(DAEMON, {UNIT: state, ORPHANS: STRAYS[left]}) == expected
    assert decide(DAEMON, {UNIT: LOST, ORPHANS: STRAYS[left]}) == "unreadable"
    unknown = decide(DAEMON, {UNIT: state, ORPHANS: LOST})
    # A start limit can be overridden, and then it would act.
    assert unknown == ("unreadable" if expected in {"proceed", "start-limit-hit"} else expected)


def test_every_reason_to_refuse_the_daemon_is_reached() -> None:
    assert set(DECISIONS.values()) == {"wait", "skip", "proceed", *(code.name for code in RestartSupervisor.refusals)}


def test_without_the_applications_directory_no_orphan_is_looked_for() -> None:
    remedy = RestartSupervisor()
    assert remedy.probes() == (UNIT,)
    assert decide(remedy, {UNIT: ex.FAILED}) == "proceed"
    assert list(remedy.apply(Facts({UNIT: ex.FAILED}))) == [RESTART]


def test_orphans_are_ended_before_the_daemon_comes_back() -> None:
    facts = Facts({UNIT: ex.FAILED, ORPHANS: STRAYS["two"]})
    end, *rest = DAEMON.apply(facts)
    assert rest == [RESTART]
    assert end.argv[:2] == ("/bin/sh", "-c")
    assert end.argv[3:] == ("sh", "60", "101:5001", "102:5002")
    assert (end.user, end.seconds) == ("forge", 70)
    assert DAEMON.guard(facts).reason.endswith(", workers left behind: 2 unsupervised")
    assert list(DAEMON.apply(Facts({UNIT: ex.START_LIMIT, ORPHANS: ex.NO_STRAYS}))) == [RESET, RESTART]
    assert DAEMON.guard(Facts({UNIT: ex.FAILED, ORPHANS: ex.NO_STRAYS})).reason == (
        "supervisor is failed since 08:31:11Z (exit 255)"
    )


# -- the workers -------------------------------------------------------------------------------------------------------

STATES = {
    ("RUNNING", "RUNNING"): "skip",
    ("RUNNING", "STOPPED"): "proceed",
    ("STOPPED", "STOPPED"): "proceed",
    ("FATAL", "FATAL"): "proceed",
    ("EXITED",): "proceed",
    ("UNKNOWN", "RUNNING"): "proceed",
    ("FATAL", "BACKOFF"): "proceed",
    ("STOPPED", "STOPPING"): "proceed",
    ("BACKOFF", "RUNNING"): "wait",
    ("STARTING", "STARTING"): "wait",
    ("STOPPING", "RUNNING"): "wait",
}


@pytest.mark.parametrize("states", list(STATES))
def test_every_state_of_the_workers(states: tuple[str, ...]) -> None:
    state = ex.workers(*states)
    assert decide(START, {WORKERS: state, IDENTITY: ex.pids(state)}) == STATES[states]
    assert decide(START, {WORKERS: LOST, IDENTITY: ex.pids(state)}) == "unreadable"


def test_workers_of_a_daemon_that_is_down_are_waited_for() -> None:
    assert decide(START, {WORKERS: ex.NO_DAEMON, IDENTITY: ex.pids()}) == "wait"


def test_a_program_that_supervisor_does_not_know_is_refused() -> None:
    assert decide(START, {WORKERS: ex.NO_PROGRAM, IDENTITY: ex.pids()}) == "program-missing"
    assert [code.name for code in StartWorkers.refusals] == ["program-missing"]


@pytest.mark.parametrize("states", [states for states, expected in STATES.items() if expected == "proceed"])
def test_workers_whose_identity_is_unknown_are_not_started(states: tuple[str, ...]) -> None:
    assert decide(START, {WORKERS: ex.workers(*states), IDENTITY: LOST}) == "unreadable"


def test_what_it_starts() -> None:
    state = ex.workers("RUNNING", "FATAL")
    facts = Facts({WORKERS: state, IDENTITY: ex.pids(state)})
    (start,) = START.apply(facts)
    assert start == Run.of("/usr/bin/supervisorctl", "start", "agency-worker:*", user=ROOT, seconds=60)
    assert START.guard(facts).reason == "agency-worker is 1/2 running, FATAL"


def test_the_inventory_fills_both() -> None:
    settings = Settings.model_validate({"app_path": "/srv/app", "app_user": "www", "worker_program": "jobs"})
    host = Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=settings)
    assert RestartSupervisor.on(host) == RestartSupervisor(path="/srv/app", user="www")
    assert StartWorkers.on(host) == StartWorkers(program="jobs")


def _workers(state: WorkerState) -> Known:
    return {WORKERS: state, IDENTITY: ex.pids(state)}


EXAMPLES = {
    "supervisor.restart": (
        DAEMON,
        {UNIT: ex.FAILED, ORPHANS: STRAYS["two"]},
        {UNIT: ex.started_again(ex.FAILED), ORPHANS: ex.NO_STRAYS},
        tuple({UNIT: unit, ORPHANS: left} for unit, left in product(UNITS.values(), STRAYS.values())),
    ),
    "worker.start": (
        START,
        _workers(ex.workers("FATAL", "FATAL")),
        _workers(ex.workers("RUNNING", "RUNNING")),
        (*(_workers(ex.workers(*states)) for states in STATES), _workers(ex.NO_DAEMON), _workers(ex.NO_PROGRAM)),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""


# -- orphans, for real -------------------------------------------------------------------------------------------------


class Dummy(NamedTuple):
    """A process of this test's, that looks like a queue worker."""

    process: "subprocess.Popen[bytes]"
    reaper: threading.Thread

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def identity(self) -> str:
        return f"{self.pid}:{_started(self.pid)}"

    @property
    def ended(self) -> bool:
        self.reaper.join(0.5)
        return not self.reaper.is_alive()


def _started(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


@pytest.fixture
def dummies() -> Iterator[list[Dummy]]:
    started: list[Dummy] = []
    yield started
    for each in started:
        each.process.kill()
        each.reaper.join(10)


def dummy(dummies: list[Dummy], before: str = "", program: str = "sleep 60") -> Dummy:
    """Start one; a thread takes note of its end, as an orphan's new parent would."""
    argv = ("bash", "-c", f'{before} echo ready; exec -a "/usr/bin/php8.2 {PATH}/artisan queue:work" {program}')
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    reaper = threading.Thread(target=process.wait, daemon=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    reaper.start()
    dummies.append(Dummy(process, reaper))
    return dummies[-1]


End = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=installed_shells())
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Every shell that a host's /bin/sh may be."""
    return SHELLS[str(request.param)]


@pytest.fixture
def end(shell: tuple[str, ...]) -> End:
    """Run what ends orphans, exactly as a host would get it."""

    def run(*identities: str, patience: int = 5) -> "subprocess.CompletedProcess[str]":
        parts = [tuple(map(int, each.split(":"))) for each in identities]
        left = StrayWorkers(processes=tuple(StrayProcess(pid=pid, started=at, arguments="x") for pid, at in parts))
        remedy = RestartSupervisor(path=PATH, patience=patience)
        first, *_ = remedy.apply(Facts({UNIT: ex.FAILED, ORPHANS: left}))
        assert first.argv[0] == "/bin/sh"
        return subprocess.run((*shell, *first.argv[1:]), capture_output=True, text=True, timeout=30, check=False)

    return run


def test_exactly_those_that_were_seen_are_ended(end: End, dummies: list[Dummy]) -> None:
    first, second, other = dummy(dummies), dummy(dummies), dummy(dummies)
    done = end(first.identity, second.identity)
    assert (done.returncode, done.stderr) == (0, "")
    assert first.ended
    assert second.ended
    assert not other.ended
    assert first.process.returncode == -signal.SIGTERM


def test_a_recycled_pid_is_not_signalled(end: End, dummies: list[Dummy]) -> None:
    recycled, meant = dummy(dummies), dummy(dummies)
    done = end(f"{recycled.pid}:{_started(recycled.pid) - 1}", meant.identity)
    assert (done.returncode, done.stderr) == (0, "")
    assert meant.ended
    assert not recycled.ended


def test_a_process_that_is_gone_needs_no_ending(end: End, dummies: list[Dummy]) -> None:
    gone = dummy(dummies)
    identity = gone.identity
    gone.process.kill()
    assert gone.ended
    begun = time.monotonic()
    assert end(identity).returncode == 0
    assert time.monotonic() - begun < 1


def test_a_worker_may_finish_its_job(end: End, dummies: list[Dummy]) -> None:
    busy = dummy(dummies, program="bash -c 'trap \"sleep 1.2; exit 0\" TERM; while :; do sleep 0.1; done'")
    time.sleep(0.3)
    done = end(busy.identity)
    assert (done.returncode, done.stderr) == (0, "")
    assert busy.ended
    assert busy.process.returncode == 0


def test_one_that_does_not_end_is_named_and_left_working(end: End, dummies: list[Dummy]) -> None:
    stubborn, good = dummy(dummies, before='trap "" TERM;'), dummy(dummies)
    begun = time.monotonic()
    done = end(stubborn.identity, good.identity, patience=1)
    assert done.returncode == 1
    assert done.stderr.strip() == f"still working: {stubborn.pid}"
    assert 0.9 < time.monotonic() - begun < 4
    assert good.ended
    assert not stubborn.ended


def test_all_that_do_not_end_are_named(end: End, dummies: list[Dummy]) -> None:
    first, second = (dummy(dummies, before='trap "" TERM;') for _ in range(2))
    done = end(first.identity, second.identity, patience=0)
    assert (done.returncode, done.stderr.strip()) == (1, f"still working: {first.pid} {second.pid}")


def test_a_name_that_looks_like_the_rest_of_a_line_is_only_a_name(
    end: End, dummies: list[Dummy], tmp_path: Path
) -> None:
    odd = tmp_path / "a) 1 b"
    odd.symlink_to(shutil.which("sleep") or "/bin/sleep")
    named, other = dummy(dummies), dummy(dummies, program=f"'{odd}' 60")
    _until(lambda: Path(f"/proc/{other.pid}/comm").read_text() == "a) 1 b\n")
    assert end(named.identity, f"{other.pid}:1").returncode == 0
    assert not other.ended
    assert end(other.identity).returncode == 0
    assert other.ended


def _until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


# -- finding them ------------------------------------------------------------------------------------------------------

Orphan = Callable[[str], int]
NO_PGREP = pytest.mark.skipif(shutil.which("pgrep") is None, reason="pgrep is not installed here")


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[Orphan]:
    """Start a process with these arguments whose parent is gone at once; all are ended with the test."""
    pids: list[int] = []

    def start(line: str) -> int:
        note = tmp_path / f"note{len(pids)}"
        script = f'echo $$ >"{note}.new" && mv "{note}.new" "{note}" && exec -a "$1" sleep 60'
        subprocess.run(
            ("setsid", "-f", "bash", "-c", script, "bash", line), check=True, stdout=subprocess.DEVNULL, timeout=10
        )
        _until(note.exists)
        pids.append(pid := int(note.read_text()))
        _until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(line.encode()))
        if _parent(pid) != 1:
            pytest.skip("here orphans get another parent than process 1")
        return pid

    yield start
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def strays(shell: tuple[str, ...], path: str) -> StrayWorkers:
    """Ask for them, exactly as a host would be asked."""
    probe = OrphanWorkers(user=getpass.getuser(), path=path)
    run = probe.command()
    assert run.argv[0] == "sh"
    done = subprocess.run((*shell, *run.argv[1:]), capture_output=True, text=True, timeout=30, check=False)
    return probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))


@NO_PGREP
def test_only_workers_of_the_application_without_a_parent_are_orphans(
    shell: tuple[str, ...], orphan: Orphan, tmp_path: Path
) -> None:
    app, other = f"{tmp_path}/app", f"{tmp_path}/other"
    lines = {
        "work": f"/usr/bin/php8.2 {app}/artisan queue:work redis --sleep=1",
        "listen": f"php {app}/artisan queue:listen",
        "horizon": f"/usr/bin/php {app}/artisan horizon",
        "down": f"/usr/bin/php {app}/artisan down",
        "editor": f"vi {app}/artisan queue:work",
        "other": f"/usr/bin/php8.2 {other}/artisan queue:work",
    }
    child = subprocess.Popen(("bash", "-c", 'exec -a "$1" sleep 60', "bash", lines["work"]))
    try:
        pids = {name: orphan(line) for name, line in lines.items()}
        found = strays(shell, app)
        ours = ("work", "listen", "horizon")
        assert {each.pid for each in found.processes} == {pids[name] for name in ours}
        assert {each.identity for each in found.processes} == {f"{pids[name]}:{_started(pids[name])}" for name in ours}
        assert {each.arguments for each in found.processes} == {f"{lines[name]} 60" for name in ours}
        assert found.ok is False
        assert [each.pid for each in strays(shell, other).processes] == [pids["other"]]
        assert strays(shell, f"{tmp_path}/none") == ex.NO_STRAYS
    finally:
        child.kill()
        child.wait()


@NO_PGREP
def test_what_is_found_is_what_is_ended(end: End, shell: tuple[str, ...], orphan: Orphan, tmp_path: Path) -> None:
    line = f"/usr/bin/php8.2 {tmp_path}/app/artisan queue:work --name=it's\ta 'queue'"
    pids = {orphan(line), orphan(line)}
    found = strays(shell, f"{tmp_path}/app")
    assert {each.pid for each in found.processes} == pids
    done = end(*(each.identity for each in found.processes))
    assert (done.returncode, done.stderr) == (0, "")
    assert strays(shell, f"{tmp_path}/app") == ex.NO_STRAYS
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@NO_PGREP
def test_a_user_who_does_not_exist_is_no_user_without_orphans(shell: tuple[str, ...]) -> None:
    run = OrphanWorkers(user="nobody-by-this-name", path="/srv/app").command()
    done = subprocess.run((*shell, *run.argv[1:]), capture_output=True, text=True, timeout=30, check=False)
    with pytest.raises(Unreadable, match="orphan workers: pgrep: "):
        OrphanWorkers(user="forge", path="/srv/app").read(
            Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)
        )


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
