"""The PHP program that looks whether jobs are taken, run by a real PHP against a store that only plays one."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from remediate.command import Output
from remediate.errors import Unreadable
from remediate.probes.queue_motion import QueueMotion, QueueMotionState
from remediate.programs import program_text
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
    **queues: int,
) -> QueueMotionState:
    (app / "vendor").mkdir()
    (app / "vendor/autoload.php").write_text("<?php\n")
    (app / "bootstrap").mkdir()
    (app / "bootstrap/app.php").write_text(_APP)
    state = {"driver": driver, "queues": queues, "change": change, "taken": taken, "sets": sets or {}}
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
    assert 3 <= state.seconds < 20


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
    with pytest.raises(Unreadable, match=f"its driver '{driver}'"):
        asked(tmp_path, driver=driver)
