"""The PHP program for queue movement, run by a real PHP against a fake store."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from remediate.core.command import Output
from remediate.core.program_text import program_text
from remediate.probes.queue_motion import QueueMotion, QueueMotionState
from remediate.programs.run import PROBES

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")

_APP: Final = r"""<?php
class Stub {
    private $state;
    private $looks = 0;
    public function __construct() { $this->state = json_decode(file_get_contents(__DIR__ . "/state.json"), true); }
    public function make($name) { return $this; }
    public function bootstrap() {}
    public function get($key, $default = null) {
        $known = ["queue.default" => "redis", "queue.connections.redis" => ["driver" => $this->state["driver"]]];
        $known["queue.connections.second"] = ["driver" => "redis", "queue" => "mails"];
        return ($known + ["database.redis.options.prefix" => "shop_"])[$key] ?? $default;
    }
    public function connection($name) { return $this; }
    public function getConnection() { return $this; }
    public function client() { return $this; }
    public function getQueue($name) { return "queues:$name"; }
    public function executeRaw($words) {
        $keys = array_map(fn($name) => "shop_queues:$name", array_keys($this->state["queues"]));
        return ["0", [...$keys, "shop_queues:default:notify", "shop_queues:late:delayed"]];
    }
    public function llen($key) {
        $this->looks++;
        $at_first = $this->state["queues"][substr($key, 7)] ?? 0;
        return max(0, $at_first + intdiv($this->looks, 4) * $this->state["change"]);
    }
    public function lindex($key, $at) { return $this->state["taken"] ? "job " . intdiv($this->looks, 4) : "job"; }
    public function zcard($key) { return $this->set($key)[0] + $this->set($key)[1]; }
    public function zcount($key, $from, $to) { return $this->set($key)[0]; }
    public function zrange($key, $from, $to) { return []; }
    public function zrevrangebyscore($key, $from, $to, $options) {
        $held = $this->state["held"];
        $asked = $options === ["withscores" => true];
        return $held !== null && $asked ? ["job" => time() + 60 - $held, "older" => time() - 6000] : [];
    }
    private function set($key) { return $this->state["sets"][$key] ?? [0, 0]; }
}
function app($name) { return new Stub(); }
return new Stub();
"""


def asked(
    app: Path,
    *,
    driver: str = "redis",
    change: int = 0,
    taken: bool = False,
    sets: dict[str, tuple[int, int]] | None = None,
    most: int = 4,
    held: int | None = None,
    **queues: int,
) -> QueueMotionState:
    (app / "vendor").mkdir(parents=True)
    (app / "vendor/autoload.php").write_text("<?php\n")
    (app / "bootstrap").mkdir()
    (app / "bootstrap/app.php").write_text(_APP)
    state = {"driver": driver, "queues": queues, "change": change, "taken": taken, "sets": sets or {}, "held": held}
    (app / "bootstrap/state.json").write_text(json.dumps(state))
    done = subprocess.run(
        ("php", "-n", "-r", program_text(PROBES, "queue.php"), "--", str(app), "motion", str(most), "default"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    probe = QueueMotion(php="php8.2", path=str(app), user="forge")
    return probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))


def test_nothing_waits(tmp_path: Path) -> None:
    state = asked(tmp_path, default=0)
    assert [(each.name, each.before, each.waiting, each.taken) for each in state.queues] == [
        ("default", 0, 0, True),
        ("late", 0, 0, True),
    ]
    assert (state.seconds < 3, state.whole, state.connection) == (True, True, "redis")


def test_a_queue_that_shrinks_is_looked_at_for_three_seconds(tmp_path: Path) -> None:
    state = asked(tmp_path, default=9, change=-1, taken=True, most=20)
    (default, _) = state.queues
    assert (default.before, default.taken, default.waiting < 9) == (9, True, True)
    assert state.seconds >= 3


def test_a_queue_that_stands_still_or_grows_is_looked_at_longer(tmp_path: Path) -> None:
    (tmp_path / "still").mkdir()
    still = asked(tmp_path / "still", default=5)
    assert (still.queues[0].taken, still.queues[0].waiting, still.seconds >= 4) == (False, 5, True)
    (tmp_path / "grows").mkdir()
    grows = asked(tmp_path / "grows", default=5, change=1, taken=True)
    assert (grows.queues[0].taken, grows.queues[0].waiting > 5, grows.seconds >= 4) == (True, True, True)


def test_due_and_abandoned_jobs_wait_and_those_in_work_or_of_later_do_not(tmp_path: Path) -> None:
    state = asked(tmp_path, default=1, sets={"queues:default:delayed": (2, 7), "queues:default:reserved": (1, 3)})
    (default, _) = state.queues
    assert (default.before, default.working, default.later) == (4, 3, 7)


@pytest.mark.parametrize("driver", ["sync", "sqs", "beanstalkd"])
def test_a_driver_that_cannot_be_counted(tmp_path: Path, driver: str) -> None:
    state = asked(tmp_path, driver=driver)
    assert (state.driver, state.looked_into, state.queues, state.ok) == (driver, False, (), True)


def test_since_when_the_newest_job_is_worked_on(tmp_path: Path) -> None:
    state = asked(tmp_path, default=0, held=1200)
    assert state.queues[0].held in {1200, 1201}
    assert state.queues[0].oldest is None


_WORKER: Final = "<?php while (true) { usleep(50000); }"


@contextmanager
def workers(app: Path, *lines: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run processes that are called as an application's workers are, and do nothing."""
    (app / "artisan").write_text(_WORKER)
    started = [subprocess.Popen(("php", "-n", *line.split()), cwd=app) for line in lines]
    try:
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait()


def test_the_workers_of_this_application_are_told_with_what_they_listen_to(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "other").mkdir()
    lines = (
        "artisan queue:work",
        f"{tmp_path}/app/artisan queue:work redis --queue=high,low --timeout=90 --sleep 1.5 --tries 3",
        f"{tmp_path}/app/artisan queue:listen --memory 256 second --timeout 0 -v",
        "artisan schedule:work",
    )
    with workers(tmp_path / "app", *lines) as mine, workers(tmp_path / "other", lines[0]):
        mine[1].send_signal(signal.SIGSTOP)
        state = asked(tmp_path / "app", default=0)
        stat = Path(f"/proc/{mine[0].pid}/stat").read_text().rpartition(") ")[2].split()
    found = {each.pid: each for each in state.workers}
    assert set(found) == {each.pid for each in mine[:3]}
    assert [
        (each.connection, each.queues, each.timeout, each.sleep, each.stopped)
        for each in (found[process.pid] for process in mine[:3])
    ] == [
        ("redis", ("default",), 60, 3, False),
        ("redis", ("high", "low"), 90, 2, True),
        ("second", ("mails",), 0, 3, False),
    ]
    assert found[mine[0].pid].started == int(stat[19])
    # Queues of a connection that only a worker names are looked at, too, and those that it listens to in any case.
    own, second = {"default", "late", "high", "low"}, {"second/default", "second/late", "second/mails"}
    assert {each.called for each in state.queues} == own | second
    assert not state.horizon


def test_what_a_listener_starts_for_one_job_is_not_named_and_so_never_signalled(tmp_path: Path) -> None:
    job = "artisan queue:work redis --once --name=default --queue=default --memory=128 --sleep=3 --tries=1"
    with workers(tmp_path, "artisan queue:listen redis --timeout 90", job) as (listener, _):
        state = asked(tmp_path, default=5)
    assert [each.pid for each in state.workers] == [listener.pid]


def test_horizon_is_noticed(tmp_path: Path) -> None:
    with workers(tmp_path, "artisan horizon", "artisan horizon:work redis --queue=default"):
        state = asked(tmp_path, default=4)
    assert (state.horizon, state.workers, state.ok) == (True, (), False), "it takes no job"


@pytest.mark.parametrize("shared", [False, True])
def test_a_worker_of_the_application_beside_it_is_not_ours(tmp_path: Path, shared: bool) -> None:
    (tmp_path / "shop/storage").mkdir(parents=True)
    (tmp_path / "blog").mkdir()
    (tmp_path / "current").symlink_to(tmp_path / "shop")
    if shared:  # a release of it after all
        (tmp_path / "blog/storage").symlink_to(tmp_path / "shop/storage")
    with workers(tmp_path / "blog", "artisan queue:work") as (other,):
        found = asked(tmp_path / "current", default=0).workers
    assert [each.pid for each in found] == ([other.pid] if shared else [])


def test_options_may_stand_before_the_name_of_the_command(tmp_path: Path) -> None:
    with workers(tmp_path, "artisan --env=production queue:work redis --queue=high") as (worker,):
        (found,) = asked(tmp_path, default=0).workers
    assert (found.pid, found.connection, found.queues) == (worker.pid, "redis", ("high",))


def test_a_worker_of_an_older_release_is_ours(tmp_path: Path) -> None:
    for release in ("1", "2"):
        (tmp_path / "releases" / release).mkdir(parents=True)
    (tmp_path / "current").symlink_to(tmp_path / "releases/2")
    with workers(tmp_path / "releases/1", "artisan queue:work") as (older,):
        assert [each.pid for each in asked(tmp_path / "current", default=0).workers] == [older.pid]
