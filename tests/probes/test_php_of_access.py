"""The PHP program for database access, run by a real PHP against refusing servers."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from remediate.core.command import Output
from remediate.core.program_text import program_text
from remediate.probes.laravel import AppDatabase, DatabaseTrouble

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")

_APP: Final = r"""<?php
class Refused extends RuntimeException { public $errorInfo; }
class Stub {
    public function make($name) { return $this; }
    public function bootstrap() { }
    public function set($key, $value) { }
    public function connection($name) { return $this; }
    public function getPdo() {
        $said = json_decode(file_get_contents(__DIR__ . "/said.json"), true);
        $inner = new Refused("SQLSTATE[HY000] [{$said[0]}] {$said[1]}");
        $inner->errorInfo = ["HY000", $said[0], $said[1]];
        throw new RuntimeException("The framework's own words for user 'x'@'wrong'", 0, $inner);
    }
    public function get($key) {
        $place = ["driver" => "mysql", "host" => "10.0.0.9", "username" => "shop"];
        return $key === "database.default" ? "mysql" : $place;
    }
}
function app($name) { return new Stub(); }
return new Stub();
"""


@pytest.mark.parametrize(
    ("code", "said", "trouble", "seen"),
    [
        (1045, "Access denied for user 'shop'@'10.0.0.5' (using password: YES)", DatabaseTrouble.DENIED, "10.0.0.5"),
        (1045, "Access denied for user 'shop'@'web1.internal'", DatabaseTrouble.DENIED, "web1.internal"),
        (1698, "Access denied for user 'shop'@'localhost'", DatabaseTrouble.DENIED, "localhost"),
        (1130, "Host 'fd00::5' is not allowed to connect to this server", DatabaseTrouble.NOT_ALLOWED, "fd00::5"),
        (1045, "Accès refusé pour l'utilisateur", DatabaseTrouble.DENIED, ""),
        (1045, "Access denied for user 'shop'@'a b; c'", DatabaseTrouble.DENIED, ""),
        (1049, "Unknown database 'a'@'b'", DatabaseTrouble.UNKNOWN_DATABASE, ""),
    ],
)
def test_from_where_the_server_saw_it_come(
    tmp_path: Path, code: int, said: str, trouble: DatabaseTrouble, seen: str
) -> None:
    for folder in ("vendor", "bootstrap"):
        (tmp_path / folder).mkdir()
    (tmp_path / "vendor/autoload.php").write_text("<?php\n")
    (tmp_path / "bootstrap/app.php").write_text(_APP)
    (tmp_path / "bootstrap/said.json").write_text(json.dumps([code, said]))
    program = program_text("remediate.probes.php", "app.php")
    done = subprocess.run(
        ("php", "-r", program, str(tmp_path), "database"), capture_output=True, text=True, timeout=30, check=False
    )
    state = AppDatabase(php="php8.2", path=str(tmp_path), user="forge").read(
        Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)
    )
    assert (state.trouble, state.host, state.user, state.seen_from) == (trouble, "10.0.0.9", "shop", seen)
