"""A login that a start-up file gives to a real fish or tcsh: told soon, and for what it is."""

import shutil
import subprocess
from pathlib import Path
from time import monotonic

import pytest

from remediate.errors import Unreachable, UnreachableCode
from remediate.probes.machine import ThisMachine
from remediate.testing import PaperHost
from remediate.transport.session import HELLO_SECONDS
from support.stubs import stub

PACKAGES = {"fish": ("fish", "libpcre2-32-0"), "tcsh": ("tcsh",)}
"""Debian's, with what they need that is not there anyway."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Get those that are not installed from the distribution's own mirror; nothing is installed."""
    folder = tmp_path_factory.mktemp("shells")
    wanted = [package for shell, packages in PACKAGES.items() if not shutil.which(shell) for package in packages]
    if wanted and shutil.which("apt-get"):
        subprocess.run(("apt-get", "download", "-q", *wanted), cwd=folder, capture_output=True, timeout=60, check=False)
        for package in folder.glob("*.deb"):
            subprocess.run(("dpkg-deb", "-x", package, folder), check=True)
    return folder


def command(shell: str, folder: Path) -> str:
    """Return how a start-up file would run it; skips the test where it cannot be had."""
    if found := shutil.which(shell):
        return found
    program = next((place for place in folder.glob(f"**/bin/{shell}")), None)
    libraries = ":".join(str(place) for place in folder.glob("usr/lib/*-linux-*"))
    words = ("env", f"LD_LIBRARY_PATH={libraries}", str(program))
    if program is None or subprocess.run((*words, "-c", "exit 0"), capture_output=True, check=False).returncode:
        pytest.skip(f"{shell} is not installed here, and the distribution's mirror did not give it")
    return " ".join(words)


@pytest.mark.parametrize("shell", PACKAGES)
def test_a_login_that_another_shell_has_taken_is_told_soon(shell: str, unpacked: Path, tmp_path: Path) -> None:
    # as bash does with an `exec` in .bashrc
    login = stub(tmp_path / "login", f"exec {command(shell, unpacked)}")
    with PaperHost(tmp_path / "host", login=(str(login),)) as host:
        began = monotonic()
        rounds = host.session().begin([ThisMachine()], seconds=60)
        with pytest.raises(Unreachable, match="the login does not give a shell") as caught:
            rounds.next()
        took = monotonic() - began
        rounds.close()
    assert caught.value.code is UnreachableCode.SHELL
    # The silence is waited for once; it was 51 seconds.
    assert took < HELLO_SECONDS + 10, took
