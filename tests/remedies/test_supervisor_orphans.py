"""Orphaned workers are ended, by a real shell, and nobody else is."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from remediate.core.command import Output, Run
from remediate.core.facts import Facts
from remediate.errors import Unreadable
from remediate.probes.supervisor import OrphanWorkers, StrayProcess, StrayWorkers
from remediate.remedies.supervisor import RestartSupervisor
from remediate.testing import SHELLS, installed_shells
from support import examples as ex
from support.stubs import stub
from support.supervised import DAEMON, ORPHANS, RESTART, UNIT, Known
from support.toys import decide

PATH = "/home/forge/agency-platform"


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
        parts = [(int(pid), int(began)) for pid, began in (each.split(":") for each in identities)]
        remedy = RestartSupervisor(patience=patience)
        first, *_ = remedy.apply(Facts({UNIT: ex.FAILED, ORPHANS: ex.strays(*parts)}))
        assert first.argv[0] == "/bin/sh"
        return subprocess.run(
            (*shell, *first.argv[1:]), input=read_by(first), capture_output=True, text=True, timeout=30, check=False
        )

    return run


def read_by(run: Run) -> str:
    assert run.stdin is not None
    return run.stdin.get_secret_value()


def test_exactly_those_that_were_seen_are_ended(end: End, dummies: list[Dummy]) -> None:
    first, second, other = dummy(dummies), dummy(dummies), dummy(dummies)
    done = end(first.identity, second.identity)
    assert (done.returncode, done.stderr) == (0, "")
    assert first.ended
    assert second.ended
    assert not other.ended
    assert first.process.returncode == -signal.SIGTERM


def test_one_that_a_signal_has_stopped_hears_of_it(end: End, dummies: list[Dummy]) -> None:
    stopped = dummy(dummies)
    stopped.process.send_signal(signal.SIGSTOP)
    done = end(stopped.identity)
    assert (done.returncode, done.stderr) == (0, "")
    assert stopped.process.returncode == -signal.SIGTERM


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
    assert end(identity, patience=25).returncode == 0
    assert time.monotonic() - begun < 25


def test_a_worker_may_finish_its_job(end: End, dummies: list[Dummy], tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    job = f'trap "sleep 0.3; exit 0" TERM; : > {ready}; while :; do sleep 0.1; done'
    busy = dummy(dummies, program=f"bash -c '{job}'")
    _until(ready.exists)
    done = end(busy.identity, patience=25)
    assert (done.returncode, done.stderr) == (0, "")
    assert busy.ended
    assert busy.process.returncode == 0


def test_one_that_does_not_end_is_named_and_left_working(end: End, dummies: list[Dummy]) -> None:
    stubborn, good = dummy(dummies, before='trap "" TERM;'), dummy(dummies)
    begun = time.monotonic()
    done = end(stubborn.identity, good.identity, patience=1)
    assert done.returncode == 1
    assert done.stderr.strip() == f"still there: {stubborn.pid}"
    assert time.monotonic() - begun > 0.9
    assert good.ended
    assert not stubborn.ended


def test_all_that_do_not_end_are_named(end: End, dummies: list[Dummy]) -> None:
    first, second = (dummy(dummies, before='trap "" TERM;') for _ in range(2))
    done = end(first.identity, second.identity, patience=0)
    assert (done.returncode, done.stderr.strip()) == (1, f"still there: {first.pid} {second.pid}")


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
    for _ in range(1500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


# -- finding them ------------------------------------------------------------------------------------------------------

WORK = f"/usr/bin/php8.2 {PATH}/artisan queue:work redis --sleep=1"


@pytest.mark.parametrize(
    ("arguments", "worker"),
    [
        (WORK, True),
        ("php artisan queue:work", True),
        ("/usr/bin/php -d memory_limit=1G artisan queue:listen --tries=3", True),
        ("php artisan horizon", True),
        ("php artisan reverb:start", True),
        ("php artisan schedule:work", True),
        ("sh -c php '/srv/a b/artisan' queue:work", True),
        ("node /srv/app/server.js", False),
        ("php artisan migrate", False),
        ("php notartisan queue:work", False),
        ("php artisan queue:work redis --once --name=default --queue=default", False),
        ("php artisan queue:work --once", False),
        ("php artisan queue:work --queue=--oncet", True),
        ("php artisan queue:listen --name=x --once", True),
    ],
)
def test_what_may_be_ended(arguments: str, worker: bool) -> None:
    assert StrayProcess(pid=1, started=1, user="forge", arguments=arguments).is_worker is worker


@pytest.mark.parametrize(
    "stranger",
    [
        StrayProcess(pid=7, started=1, user="forge", arguments="node /srv/app/server.js"),
        StrayProcess(pid=7, started=1, user="other", arguments=WORK),
    ],
)
def test_what_is_left_and_may_not_be_ended_is_a_reason_to_refuse(stranger: StrayProcess) -> None:
    left = StrayWorkers(processes=(*ex.strays((101, 5001)).processes, stranger))
    given: Known = {UNIT: ex.FAILED, ORPHANS: left}
    assert decide(DAEMON, given) == "left-running"
    assert f"{stranger.arguments} (pid 7, user {stranger.user})" in DAEMON.guard(Facts(given)).reason
    # Overridden, it still only ends what it knows.
    end_them, restart = DAEMON.apply(Facts(given))
    assert read_by(end_them) == "101:5001\n"
    assert restart == RESTART


def test_a_job_that_a_listener_started_is_left_to_end_by_itself() -> None:
    listener, job = "php artisan queue:listen", "php artisan queue:work redis --once --name=default"
    left = ORPHANS.read(Output(stdout=f"101 5001 forge {listener}\n102 5002 forge {job}\n"))
    given: Known = {UNIT: ex.FAILED, ORPHANS: left}
    assert decide(DAEMON, given) == "proceed"
    assert read_by(next(iter(DAEMON.apply(Facts(given))))) == "101:5001\n"


def test_the_search_asks_systemd_first(tmp_path: Path) -> None:
    def read(said: str) -> StrayWorkers:
        stub(tmp_path / "systemctl", said)
        run = OrphanWorkers(unit="no-such-unit-here").command()
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(run.argv, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False)
        return OrphanWorkers().read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))

    assert read("echo 0") == ex.NO_STRAYS
    with pytest.raises(Unreadable, match="Failed to connect to bus"):
        read("echo Failed to connect to bus >&2; exit 1")
