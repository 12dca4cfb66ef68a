"""A stub of Laravel and its logs, for the PHP program for errors."""

import json
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from remediate.core.command import Output
from remediate.core.program_text import program_text
from remediate.probes.error_log import PERIOD, PERIODS, ErrorLog, ErrorLogState
from remediate.programs.run import PROBES

APP: Final = r"""<?php
class Stub {
    public function make($name) { return $this; }
    public function bootstrap() { date_default_timezone_set("UTC"); }
    public function get($key) { return json_decode(file_get_contents(__DIR__ . "/config.json"), true)[$key] ?? null; }
}
return new Stub();
"""


def log(app: Path, name: str = "laravel.log") -> Path:
    return app / "storage/logs" / name


def channels(app: Path, default: str = "single", **each: Mapping[str, object]) -> None:
    known = {f"logging.channels.{name}": settings for name, settings in each.items()}
    (app / "bootstrap/config.json").write_text(json.dumps({"logging.default": default, **known}))


def asked(app: Path, *, most: int = 1 << 28, patience: float = 15) -> ErrorLogState:
    limits = (PERIODS, PERIOD, most, patience)
    done = subprocess.run(
        ("php", "-d", "log_errors=0", "-r", program_text(PROBES, "errors.php"), "--", str(app), *map(str, limits)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    probe = ErrorLog(php="php8.2", path=str(app), user="forge")
    return probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))


def at(ago: float) -> str:
    return f"{datetime.fromtimestamp(time.time() - ago, UTC):%Y-%m-%d %H:%M:%S}"


def entry(ago: float, text: str, level: str = "ERROR") -> str:
    return f"[{at(ago)}] production.{level}: {text}\n"


def thrown(app: Path, ago: float, raised: str = r"App\\Exceptions\\Declined", place: str = "app/Pay.php:12") -> str:
    """An exception as Laravel 8 to 12 write it, message and all."""
    path, _, line = place.partition(":")
    file = path if path.startswith("/") else f"{app}/{path}"
    said = "card of jane@example.com declined, token=s3cr3t\nsecond line"
    return entry(
        ago,
        f'{said} {{"userId":7,"exception":"[object] ({raised}(code: 0): {said} at {file}:{line})\n[stacktrace]\n'
        f"#0 /usr/share/php/Illuminate/Database/Connection.php(712): PDO->query('select s3cr3t')\n"
        f"#1 {app}/app/Jobs/Charge.php(31): Illuminate\\\\Database\\\\Connection->select()\n"
        f'#2 {app}/artisan(37): handle()\n#3 {{main}}\n"}} ',
    )
