"""The command line as operators and scripts call it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import jsonschema

from remediate.core.outcome import HostOutcome, Report, StepOutcome
from support.command_box import error_line
from support.outcomes import problem
from support.staged_host import CHECKOUT, Staged

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Ended:
    """A finished command: its exit code and the output of each stream."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str
    schema: Mapping[str, object] = field(repr=False)

    @property
    def report(self) -> Report:
        """The document on stdout, valid against the schema."""
        jsonschema.validate(json.loads(self.out), dict(self.schema))
        report = Report.model_validate_json(self.out)
        assert report.exit_code == self.code
        return report

    @property
    def host(self) -> HostOutcome:
        """The outcome of the only host."""
        (host,) = self.report.hosts
        return host

    def step(self, kind: str = "php-fpm.restart") -> StepOutcome:
        """Return the decision about one remedy on the only host."""
        (step,) = (step for step in self.host.steps if step.remedy == kind)
        return step

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """Every command that changed the only host, or would have."""
        return [command.argv for step in self.host.steps for command in step.commands]

    def note(self, label: str) -> str:
        """Return the first survey's words about one thing."""
        return next(reading.note for reading in self.host.before if reading.label == label)

    def is_(self, verdict: str, code: int, touched: str = "no") -> HostOutcome:
        """Assert verdict, exit code and `touched`, and return the only host's outcome."""
        assert self.code == code, f"{self.argv}\n{self.err}"
        host = self.host
        assert (host.verdict.value, host.touched.value) == (verdict, touched), self.err
        assert self.report.touched.value == touched
        return host

    def refused(self, code: str) -> HostOutcome:
        """Assert that nothing was changed because of this refusal code."""
        host = self.is_("refused", 3)
        assert problem(host).code == code, self.err
        assert "nothing was changed" in self.err
        return host

    def usage(self, *words: str) -> None:
        """Assert a usage error, reported in one line with these words."""
        assert self.code == 2, f"{self.argv}: {self.code}\n{self.out}{self.err}"
        line = error_line(self.err)
        assert "Traceback" not in line
        for word in words:
            assert word in line


class Running:
    """A command that still runs."""

    def __init__(self, cli: "Cli", argv: tuple[str, ...], process: subprocess.Popen[str]) -> None:
        self.cli = cli
        self.argv = argv
        self.process = process
        self.seen = ""

    def until(self, text: str, seconds: float = 40) -> None:
        """Read stderr until it says `text`."""
        stderr = _stream(self.process.stderr)
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            line = stderr.readline()
            assert line, f"ended before it said {text!r}: {self.seen}"
            assert time.monotonic() < deadline, f"never said {text!r}: {self.seen}"
            self.seen += line

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, seconds: float = 120) -> Ended:
        """Wait until it ends."""
        out, err = self.process.communicate(timeout=seconds)
        return self.cli.ended(self.argv, self.process.returncode, out, self.seen + err)


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


class Cli:
    """Calls the programs as operators and scripts do, with a separate home and journal."""

    def __init__(self, staged: "Staged", home: Path, schema: Mapping[str, object]) -> None:
        self.staged = staged
        self.home = home
        self.schema = schema
        self._started: list[subprocess.Popen[str]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "REMEDIATE_STATE_DIR": str(self.home / "state"),
            "PYTHONWARNINGS": "default",
        }

    def start(self, *argv: str, cwd: Path = CHECKOUT, environment: Mapping[str, str] | None = None) -> Running:
        """Start a command, which is killed if it outlives the test."""
        process = subprocess.Popen(
            (str(BIN / argv[0]), *argv[1:]),
            cwd=cwd,
            env=environment or self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._started.append(process)
        return Running(self, argv, process)

    def __call__(self, *argv: str, cwd: Path = CHECKOUT, environment: Mapping[str, str] | None = None) -> Ended:
        """Run a command to its end."""
        return self.start(*argv, cwd=cwd, environment=environment).end()

    def start_fix(self, *flags: str, hold: float | None = 3, inventory: Path | None = None) -> Running:
        """Start `fix.app-down --json` on the staging host, with the narrative on stderr."""
        held = () if hold is None else ("--hold", f"{hold:g}")
        target = ("--host", self.staged.name, "--inventory", str(inventory or self.staged.inventory))
        return self.start("invoke", "fix.app-down", *target, "--json", *held, *flags)

    def fix(self, *flags: str, hold: float | None = 3, inventory: Path | None = None) -> Ended:
        """Run `fix.app-down --json` on the staging host."""
        return self.start_fix(*flags, hold=hold, inventory=inventory).end()

    def check(self, *flags: str, inventory: Path | None = None) -> Ended:
        """Run `check.app-down --json` on the staging host."""
        target = ("--host", self.staged.name, "--inventory", str(inventory or self.staged.inventory))
        return self("invoke", "check.app-down", *target, "--json", "--hold", "0", *flags)

    def ended(self, argv: tuple[str, ...], code: int, out: str, err: str) -> Ended:
        """Return the result after checking that it shows no secret and no crash."""
        for name, secret in self.staged.secrets.items():
            assert secret not in out + err, f"{argv} prints {name}"
        assert "Traceback" not in err, err
        assert "\x1b" not in out + err
        return Ended(argv, code, out, err, self.schema)

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
