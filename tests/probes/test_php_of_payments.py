"""The PHP programs for payments, run by a real PHP against a fake application."""

import json
import re
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from remediate.core.command import Output
from remediate.core.program_text import program_text
from remediate.probes.php import answered
from remediate.programs.run import PROBES

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")

_APP: Final = r"""<?php
class Stub {
    public function make($name) { return $this; }
    public function bootstrap() {}
    public function get($key) {
        $known = ["queue.default" => "redis", "queue.connections.redis" => ["driver" => "redis"], "app.secret" => ""];
        return $known[$key] ?? null;
    }
    public function configurationIsCached() { return false; }
    public function environmentFilePath() { return __DIR__ . "/app.php"; }
    public function connection($name) { return $this; }
    public function getConnection() { return $this; }
    public function getQueue($name) { return $name; }
    public function size($name) { return count($this->jobs()); }
    public function zrange($key, $from, $to) { return []; }
    public function lrange($key, $from, $to) { return array_slice($this->jobs(), $from, $to < 0 ? null : $to + 1); }
    private function jobs() { return json_decode(file_get_contents(__DIR__ . "/jobs.json")); }
}
return new Stub();
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/autoload.php").write_text("<?php\n")
    (tmp_path / "bootstrap").mkdir()
    (tmp_path / "bootstrap/app.php").write_text(_APP)
    return tmp_path


def ask(name: str, *words: object) -> Any:
    done = subprocess.run(
        ("php", "-n", "-r", program_text(PROBES, f"{name}.php"), "--", *map(str, words)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return answered(name, Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))


@pytest.mark.parametrize("retried", [1, 201])
def test_a_retried_job_is_found_behind_all_the_others(app: Path, retried: int) -> None:
    jobs = [json.dumps({"uuid": f"{number:04d}"}) for number in range(5000)]
    jobs += [json.dumps({"uuid": f"again-{number:03d}", "remediate": {"row": 7}}) for number in range(retried)]
    (app / "bootstrap/jobs.json").write_text(json.dumps(jobs))
    told = ask("queue", app, "flow", "default")
    assert (told["state"], told["waiting"]) == ("ok", 5000 + retried)
    assert told["retried"] == [f"again-{number:03d}" for number in range(min(retried, 200))]
    assert told["more"] is (retried > 200)


_READ_ONLY: Final = r"""<?php
class Stub {
    public function __call($name, $words) { return $this; }
    public function get($key) { return ["driver" => "database-uuids", "table" => "failed_jobs"]; }
    public function getDriverName() { return "mysql"; }
    public function exec($statement) {
        throw new RuntimeException("SQLSTATE[HY000]: General error: 1290 The MariaDB server is running with the " .
            "--read-only option so it cannot execute this statement");
    }
}
return new Stub();
"""


def test_a_database_that_takes_no_writes_keeps_no_failed_job(app: Path) -> None:
    (app / "bootstrap/app.php").write_text(_READ_ONLY)
    assert ask("queue", app, "failed") == {"state": "failed", "why": "full", "code": 0}


@pytest.mark.parametrize(
    ("settings", "driver"),
    [
        ('["driver" => null, "table" => "failed_jobs"]', "null"),
        ('["driver" => "null", "table" => "failed_jobs"]', "null"),
        ("[]", "null"),
        ('["driver" => "dynamodb", "table" => "failed_jobs"]', "dynamodb"),
    ],
)
def test_failed_jobs_that_are_kept_elsewhere_or_nowhere_are_not_none(app: Path, settings: str, driver: str) -> None:
    kept = '["driver" => "database-uuids", "table" => "failed_jobs"]'
    assert kept in _READ_ONLY
    (app / "bootstrap/app.php").write_text(_READ_ONLY.replace(kept, settings))
    assert ask("queue", app, "failed") == {"state": "unsupported", "driver": driver}


def line(hours: float, status: int, agent: str = "Stripe/1.0") -> str:
    at = f"{datetime.now(UTC) - timedelta(hours=hours):%d/%b/%Y:%H:%M:%S +0000}"
    return f'192.0.2.7 - - [{at}] "POST /hook HTTP/1.1" {status} 17 "-" "{agent} (+https://example.com)"\n'


JSON_LINE: Final = '{"request":"POST /hook HTTP/1.1","status":"400","http_user_agent":"Stripe/1.0"}\n'
NOISE: Final = line(0, 200, "Mozilla/5.0")


@pytest.mark.parametrize(
    ("logs", "missed", "complete"),
    [
        ({"log": ""}, 0, True),
        ({"log": line(1, 400)}, 1, True),
        ({"log": line(1, 400) + line(0.5, 200)}, 0, True),
        ({"log": line(1, 400) + NOISE * 12_000}, 1, True),  # more than a MiB later
        ({"log": line(1, 400) + NOISE * 160_000}, 0, False),  # more than can be read
        ({"log": NOISE * 160_000 + line(0, 200)}, 0, True),
        ({"log": "", "log.1": line(1, 400)}, 1, True),  # just rotated
        ({"log": NOISE, "log-20261122": line(25, 400)}, 0, False),  # rotated under another name
        ({"log": NOISE, "log.1": line(80, 200, "Mozilla/5.0"), "log.9.gz": ""}, 0, True),  # three days of nothing
        ({"log": NOISE, "log.1": line(20, 200, "Mozilla/5.0"), "log.9.gz": ""}, 0, False),
        ({"log": JSON_LINE}, 0, False),  # whoever cannot be read may be the provider
        ({"log": line(1, 400).replace(' "-" "Stripe/1.0 (+https://example.com)"', "")}, 0, False),
        ({"log": JSON_LINE + line(1, 200)}, 0, True),
        ({"log": line(1, 400)[:-1] + ' "-" 0.004\n'}, 1, True),  # what follows the agent does not matter
    ],
)
def test_as_much_of_the_log_is_read_as_is_needed(app: Path, logs: dict[str, str], missed: int, complete: bool) -> None:
    (app / "logs").mkdir()
    for name, text in logs.items():
        (app / "logs" / name).write_text(text)
    events = ask("webhook", app, "http://127.0.0.1:9/hook", "app.secret", "-", app / "logs/log")["events"]
    assert (events["missed"], events["complete"]) == (missed, complete)


def test_a_log_that_is_not_there_is_unreadable(app: Path) -> None:
    assert ask("webhook", app, "http://127.0.0.1:9/hook", "app.secret", "-", app / "log")["events"] == "unreadable"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_the_webhook_is_asked_where_this_host_listens(address: str) -> None:
    (place,) = re.findall(r"function place.*?(?=function deliver)", program_text(PROBES, "webhook.php"))
    with socket.create_server((address, 0)) as server:
        url = f"https://shop.example.com:{server.getsockname()[1]}/hook"
        done = subprocess.run(
            ("php", "-n", "-r", f"{place} echo place($argv[1]);", "--", url),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert done.stdout == address
