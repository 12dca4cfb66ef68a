"""The installed command, called in a project of its own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

from remediate.core.outcome import Report
from support.outcomes import problem

REMEDIATE = Path(sys.executable).with_name("remediate")

INVENTORY = """
web:
  hosts:
    do.web1: {ansible_host: 127.0.0.1, ansible_port: 1, remediate: {site_url: "http://127.0.0.1:1/", php: php8.3}}
"""
PLAYBOOK = '''
    from remediate import Severity
    from remediate.probes.systemd import Unit
    from remediate.core.playbook import playbook


    @playbook(severity=Severity.SEV2, symptoms=lambda host: (Unit(name="nginx"),))
    def NAME(host, *, PARAMETER: str = "x"):
        """Wake the shop."""
        return ()
'''


def environment(home: Path, state: Path | None = None, **more: str) -> dict[str, str]:
    """Return the environment of a command that finds nothing of the person who runs the tests."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "REMEDIATE_STATE_DIR": str(state or home / "state"), **more}


def error_line(err: str) -> str:
    """Return the only line of standard error. Just the line that SSH has begun may stand before it."""
    *begun, line = err.splitlines()
    assert len(begun) <= 1, err
    assert all(each.startswith("        ... connecting to ") for each in begun), err
    return line


class Said(NamedTuple):
    """The end of a command: exit code and output."""

    code: int
    out: str
    err: str

    def usage(self, *words: str) -> None:
        """Assert wrong usage, said in one line that holds these words."""
        assert self.code == 2, self
        line = error_line(self.err)
        for word in words:
            assert word in line

    @property
    def report(self) -> Report:
        (line,) = self.out.splitlines()
        report = Report.model_validate_json(line)
        assert (report.verdict, report.exit_code, report.touched.value, report.hosts) == (None, 2, "no", ())
        assert problem(report).message in self.err
        return report


def typed(root: Path, state: Path, *words: str, given: bytes = b"") -> Said:
    """Run the command in a project as a person or cron types it."""
    done = subprocess.run(
        [REMEDIATE, *words],
        input=given,
        capture_output=True,
        cwd=root,
        env=environment(root, state),
        timeout=90,
        check=False,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


class Box:
    """A project of its own, and the command called in it."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "project"
        (self.root / "playbooks").mkdir(parents=True)
        (self.root / "inventories").mkdir()
        (self.root / "inventories" / "prod.yml").write_text(INVENTORY)
        (self.root / "pyproject.toml").write_text("[tool.remediate]\n")
        self.environment = environment(directory)

    def playbook(self, name: str, text: str | None = None, parameter: str = "php") -> None:
        text = textwrap.dedent(PLAYBOOK).replace("PARAMETER", parameter) if text is None else text
        (self.root / "playbooks" / f"{name}.py").write_text(text.replace("NAME", name))

    def __call__(self, *words: str, stdout: Path | None = None, program: Path = REMEDIATE) -> Said:
        with (stdout or Path(os.devnull)).open("w") as out:
            done = subprocess.run(
                [program, *words],
                stdin=subprocess.DEVNULL,
                stdout=out if stdout else subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.root,
                env=self.environment,
                text=True,
                timeout=170,
                check=False,
            )
        assert "Traceback" not in done.stderr, done.stderr
        assert "Exception ignored" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout or "", done.stderr)
