"""The package as others get it: built, installed in a clean environment, and called outside any checkout."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.command_box import Said

ROOT: Final = Path(__file__).parents[2]
UV: Final = shutil.which("uv") or str(ROOT / ".tools/bin/uv")
_OURS: Final = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "COVERAGE_PROCESS_START")


def carry_out(*argv: str | Path, cwd: Path = ROOT, more: Mapping[str, str] | None = None) -> str:
    """Run a program without what this checkout adds to the environment. Return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name not in _OURS} | {**(more or {})}
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
    return done.stdout


def locked(*argv: str | Path, more: Mapping[str, str] | None = None) -> str:
    """Run a program of the dependency group `package`, in an environment that holds nothing else."""
    return carry_out(UV, "run", "--frozen", "--isolated", "--quiet", "--only-group", "package", *argv, more=more)


def constraints(path: Path) -> Path:
    """Write the locked version of every package that ours may need: the newest could differ from day to day."""
    what = ("--frozen", "--quiet", "--no-hashes", "--no-emit-project", "--all-extras", "--all-groups")
    carry_out(UV, "export", *what, "--output-file", path)
    return path


@dataclass(frozen=True)
class Package:
    """The built files."""

    wheel: Path
    sdist: Path
    constraints: Path

    def wanted(self, *extras: str) -> str:
        """Return the requirement that an installer is given."""
        return f"remediate[{','.join(extras)}] @ {self.wheel.as_uri()}" if extras else str(self.wheel)

    def by_pip(self, target: Path, *extras: str, more: tuple[str, ...] = ()) -> "Installed":
        """Install it with the pip of a new environment."""
        carry_out(UV, "venv", "--quiet", "--seed", "--python", sys.executable, target)
        # Python compiles what a command imports when it is first called.
        quick = ("--quiet", "--disable-pip-version-check", "--no-compile", "--constraint", self.constraints)
        carry_out(target / "bin/pip", "install", *quick, self.wanted(*extras), *more)
        return Installed((str(target / "bin/remediate"),), target / "bin")

    def by_pipx(self, target: Path) -> "Installed":
        """Install it for one user, in an environment that pipx keeps."""
        places = {"PIPX_HOME": str(target / "home"), "PIPX_BIN_DIR": str(target / "bin")}
        options = f"--quiet --no-compile --constraint {self.constraints}"
        locked("pipx", "install", "--quiet", f"--pip-args={options}", self.wheel, more=places)
        return Installed((str(target / "bin/remediate"),), target / "bin")

    def by_uvx(self, *extras: str) -> "Installed":
        """Call it without installing it."""
        run = (UV, "tool", "run", "--quiet", "--constraints", str(self.constraints))
        return Installed((*run, "--from", self.wanted(*extras), "remediate"), Path(UV).parent)


@dataclass(frozen=True)
class Installed:
    """The program of one installation."""

    words: tuple[str, ...]
    programs: Path

    def __call__(self, project: Path, *words: str | Path, program: str | None = None, timeout: float = 120) -> Said:
        """Call it, or another program beside it, with nothing of this checkout on its path."""
        start = self.words if program is None else (str(self.programs / program),)
        done = subprocess.run(
            [*start, *words],
            cwd=project,
            env=self.environment(project),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def environment(self, project: Path) -> dict[str, str]:
        """Return the environment of a user who has only this."""
        own = {"HOME": str(project.parent), "REMEDIATE_STATE_DIR": str(project.parent / "state")}
        kept = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_", "LANG"))}
        cache = carry_out(UV, "cache", "dir").strip()
        system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return kept | own | {"PATH": f"{self.programs}:{system}", "UV_CACHE_DIR": cache}
