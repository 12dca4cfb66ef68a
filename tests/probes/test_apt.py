"""Output of apt on real hosts, and output that is no answer."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.apt import Patches

HEAD = """manager apt
now 1795458194
stamp 1795400000
index 1795457049 1795827182 oldstable-security Debian-Security
index 1795457049 - oldstable Debian
reboot linux-image-6.1.0-40-amd64 libc6
running 6.1.0-39-amd64
kernel 6.1.0-39-amd64
kernel 6.1.0-40-amd64
kernel 6.1.0-41-cloud-amd64
unattended APT::Periodic::Unattended-Upgrade "1";
held libgcrypt20
"""
INST = """\
Inst libgcrypt20-dev [1.10.1-3] (1.10.1-3+deb12u1 Debian:12/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst libgcrypt20 [1.10.1-3] (1.10.1-3+deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])
Inst linux-image-6.1.0-42-amd64 (6.1.159-1 Debian-Security:12/oldstable-security [amd64])
Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:12.15/oldstable [amd64])
Inst php8.3 [1] (2 ***** PHP (and security) *****:22.04/jammy [amd64])
Inst zz [1] (2 localhost [all]) [foo:amd64 on zz:amd64]
The following packages have been kept back:
  nginx nginx-common
  php8.2
The following packages will be upgraded:
also bash 5.2.15-2+b9
"""


def test_a_debian_host() -> None:
    state = Patches().read(Output(stdout=HEAD + INST))
    assert [(each.package, each.security, each.held) for each in state.upgrades] == [
        ("libgcrypt20-dev", True, False),
        ("libgcrypt20", True, True),
        ("linux-image-6.1.0-42-amd64", True, False),
        ("bash", True, False),
        ("php8.3", None, False),
        ("zz", None, False),
    ]
    assert state.upgrades[2].installed is None
    assert state.upgrades[3].describe() == (
        "bash 5.2.15-2+b8 -> 5.2.15-2+b13 (Debian:12.15/oldstable, with the security fix 5.2.15-2+b9)"
    )
    assert state.kept == ("nginx", "nginx-common", "php8.2")
    assert state.reboot == (
        "/run/reboot-required is there (linux-image-6.1.0-40-amd64 libc6)",
        "kernel 6.1.0-39-amd64 runs, 6.1.0-40-amd64 is installed",
    )
    assert (state.unattended, state.confirmed, state.complete) == (True, 1795457049, True)
    assert (state.ok, state.describe()) == (False, "6 upgrades pending, 4 of them security fixes")


def test_a_long_answer_is_read_as_far_as_it_goes() -> None:
    state = Patches().read(Output(stdout=HEAD + INST[:300], cut=True, exit=141))
    assert ([each.package for each in state.upgrades], state.complete) == (["libgcrypt20-dev", "libgcrypt20"], False)


@pytest.mark.parametrize("manager", ["dnf", "apk", "none"])
def test_another_manager(manager: str) -> None:
    state = Patches().read(Output(stdout=f"manager {manager}\n"))
    assert (state.manager, state.ok) == (manager, None)


@pytest.mark.parametrize(
    "output",
    [
        Output(),
        Output(stdout="manager apt\n"),
        Output(stdout=HEAD, exit=100, stderr="E: Unmet dependencies.\n"),
        Output(stdout=f"{HEAD}Inst $(reboot) [1] (2 Debian-Security:12/stable-security [amd64])\n"),
        Output(stdout=f"{HEAD}Inst a;reboot (2 Debian:12/stable [amd64])\n"),
        Output(stdout=f"{HEAD}Inst half [1]\n"),
        Output(stdout=f"{HEAD}also bash\n"),
        Output(stdout="manager apt\nnow yesterday\n"),
    ],
)
def test_what_is_not_an_answer(output: Output) -> None:
    with pytest.raises(Unreadable):
        Patches().read(output)


_PACKAGE = "Package: toy\nVersion: {}\nArchitecture: all\nMaintainer: a <a@example.com>\nDescription: toy\n"


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt is not installed here")
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("apt.conf.d/none", ""),
        ("preferences", "Package: *\nPin: release l=Debian-Security\nPin-Priority: -1\n"),
        ("preferences.d/toy", "Package: toy\nPin: version 1\nPin-Priority: 1001\n"),
        ("apt.conf.d/default", 'APT::Default-Release "no-such";\n'),
    ],
)
def test_what_apt_is_told_to_prefer_hides_no_fix(tmp_path: Path, file: str, text: str) -> None:
    """By a real apt, with an archive and a configuration of its own."""
    for each in ("archive", "state/lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/apt.conf.d"):
        (tmp_path / each).mkdir(parents=True)
    (tmp_path / "archive/Packages").write_text(f"{_PACKAGE.format(2)}Filename: ./toy.deb\nSize: 1\n")
    (tmp_path / "archive/Release").write_text("Label: Debian-Security\nSuite: stable-security\n")
    (tmp_path / "status").write_text(f"{_PACKAGE.format(1)}Status: install ok installed\n")
    (tmp_path / "etc/sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/archive ./\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir "{tmp_path}"; Dir::State "state"; Dir::State::status "{tmp_path}/status"; Dir::Cache "cache";\n'
        'Dir::Etc "etc"; APT::Sandbox::User "";\n'
    )
    env = {**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf"), "LC_ALL": "C"}
    subprocess.run(("apt-get", "-q", "update"), env=env, capture_output=True, check=True, timeout=60)
    (tmp_path / "etc" / file).write_text(text)
    argv = Patches().command().argv
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    state = Patches().read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    assert [(each.package, each.candidate, each.security) for each in state.upgrades] == [("toy", "2", True)]
