"""Container flags from a machine's facts, and names from a checkout, without a container."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.rehearsal.checkout import Checkout, base_reference, image_files, image_reference
from remediate.rehearsal.container import ContainerEngine, find_engine
from remediate.rehearsal.machine import Cgroups, Machine, StagingError, boot_argv, boot_flags, last_line, plain_flags
from remediate.rehearsal.staging import up
from support.stubs import stub

SERVER = Machine(
    engine="podman",
    rootless=False,
    cgroups=Cgroups.V2,
    v2_tree=None,
    raises_limits=True,
    open_files=1_048_576,
    processes=127_000,
    has_runc=False,
)
"""Rootful podman on an ordinary distribution of today."""

LAPTOP = replace(SERVER, rootless=True, raises_limits=False, open_files=524_288)
DOCKER = replace(SERVER, engine="docker")
CONFINED = replace(
    SERVER,
    cgroups=Cgroups.HYBRID,
    v2_tree="/sys/fs/cgroup/unified",
    raises_limits=False,
    open_files=20_000,
    processes=96_365,
    has_runc=True,
)
"""A virtual machine with version 1 cgroups, an empty version 2 tree, and no CAP_SYS_RESOURCE."""

DOCKER_HYBRID = replace(CONFINED, engine="docker", raises_limits=True)


def value(flags: tuple[str, ...], flag: str) -> list[str]:
    return [flags[at + 1] for at, word in enumerate(flags) if word == flag]


def test_podman_on_v2_needs_nothing_but_systemd_always() -> None:
    flags = boot_flags(SERVER, "x")
    assert "--systemd=always" in flags
    assert value(flags, "--ulimit") == ["nofile=1024:65536"]
    assert "--runtime" not in flags
    assert value(flags, "-v") == []
    assert boot_argv(SERVER) == ("/sbin/init",)


def test_rootless_podman_keeps_limits_below_its_own() -> None:
    flags = boot_flags(LAPTOP, "x")
    assert "--systemd=always" in flags
    assert value(flags, "--ulimit") == ["nofile=1024:65536", "nproc=4096:4096"]
    assert value(flags, "-v") == []


def test_confined_machine_gets_runc_low_limits_and_the_v2_tree() -> None:
    flags = boot_flags(CONFINED, "remediate-x-staging")
    assert value(flags, "--runtime") == ["runc"]
    assert value(flags, "--ulimit") == ["nofile=1024:20000", "nproc=4096:4096"]
    assert "--systemd=false" in flags
    assert value(flags, "-v") == ["/sys/fs/cgroup/unified:/sys/fs/cgroup:rw"]
    assert "REMEDIATE_CGROUP=remediate-x-staging" in value(flags, "-e")
    assert value(flags, "--tmpfs") == ["/run", "/run/lock", "/tmp"]
    assert boot_argv(CONFINED)[:2] == ("/bin/sh", "-c")
    assert boot_argv(CONFINED)[2].endswith("exec /sbin/init")


def test_docker_on_v2_mounts_the_tree_and_is_not_privileged() -> None:
    flags = boot_flags(DOCKER, "x")
    assert "--privileged" not in flags
    assert "--cgroupns=host" in flags
    assert value(flags, "-v") == ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    assert "SYS_ADMIN" in value(flags, "--cap-add")
    assert not any(flag.startswith("--systemd") for flag in flags)
    assert boot_argv(DOCKER) == ("/sbin/init",)


def test_docker_on_hybrid_gives_the_empty_v2_tree() -> None:
    flags = boot_flags(DOCKER_HYBRID, "x")
    assert "--runtime" not in flags
    assert value(flags, "-v") == ["/sys/fs/cgroup/unified:/sys/fs/cgroup:rw"]
    assert boot_argv(DOCKER_HYBRID)[0] == "/bin/sh"


def test_docker_on_plain_v1_reads_the_machines_tree() -> None:
    machine = replace(DOCKER, cgroups=Cgroups.V1)
    assert value(boot_flags(machine, "x"), "-v") == ["/sys/fs/cgroup:/sys/fs/cgroup:ro"]


def test_rootless_on_hybrid_may_not_write_the_v2_tree() -> None:
    machine = replace(CONFINED, rootless=True)
    assert "--systemd=always" in boot_flags(machine, "x")
    assert boot_argv(machine) == ("/sbin/init",)


@pytest.mark.parametrize("machine", [SERVER, LAPTOP, CONFINED, DOCKER, DOCKER_HYBRID])
def test_every_machine_stops_systemd_the_way_it_wants(machine: Machine) -> None:
    flags = boot_flags(machine, "x")
    assert value(flags, "--stop-signal") == ["SIGRTMIN+3"]
    assert {"AUDIT_WRITE", "NET_RAW", "SYS_CHROOT", "SYS_PTRACE"} <= set(value(flags, "--cap-add"))
    assert set(plain_flags(machine)) <= set(flags)


def test_podman_on_v1_without_runc_says_how_to_get_it() -> None:
    with pytest.raises(ConfigurationError, match="apt-get install runc"):
        boot_flags(replace(CONFINED, has_runc=False), "x")


def test_limits_never_exceed_small_ones() -> None:
    machine = replace(LAPTOP, open_files=512, processes=100)
    assert value(plain_flags(machine), "--ulimit") == ["nofile=512:512", "nproc=100:100"]


def test_two_checkouts_never_share_a_name(tmp_path: Path) -> None:
    one, other = Checkout(tmp_path / "a" / ".staging"), Checkout(tmp_path / "b" / ".staging")
    assert one.container("staging") != other.container("staging")
    assert one.container("staging") == Checkout(tmp_path / "a" / "." / ".staging").container("staging")
    assert one.container("staging").startswith("remediate-")
    assert image_reference(one) != image_reference(other)


def test_two_users_never_share_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Checkout(tmp_path).identity
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert Checkout(tmp_path).identity != mine


def test_a_changed_input_is_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "files"
    subprocess.run(["cp", "-R", str(image_files()), str(copy)], check=True)
    monkeypatch.setattr("remediate.rehearsal.checkout.image_files", lambda: copy)
    base, image = base_reference(), image_reference(Checkout(tmp_path))
    (copy / "ready").write_text("only read at boot")
    assert image_reference(Checkout(tmp_path)) == image
    (copy / "app" / "artisan").write_text("changed")
    assert base_reference() == base
    assert image_reference(Checkout(tmp_path)) != image
    (copy / "packages.txt").write_text("systemd\n")
    assert base_reference() != base


def test_no_engine_is_one_line_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("REMEDIATE_ENGINE", raising=False)
    with pytest.raises(ConfigurationError, match=r"podman is not installed.*remediate\.rehearsal\.install") as caught:
        find_engine()
    assert "\n" not in str(caught.value)


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDIATE_ENGINE", "lxc")
    with pytest.raises(ConfigurationError, match="podman and docker"):
        find_engine()


def fake_engine(tmp_path: Path, script: str) -> ContainerEngine:
    return ContainerEngine(str(stub(tmp_path / "engine", script)), SERVER)


def test_a_container_is_read_from_the_engines_json(tmp_path: Path) -> None:
    found = fake_engine(
        tmp_path,
        """echo '[{"State": {"Running": true}, "Config": {"Labels": {"a": "b"}}, "NetworkSettings": {"Ports": {
        "22/tcp": [{"HostIp": "127.0.0.1", "HostPort": "4022"}], "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "1"}],
        "443/tcp": null, "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "2"}]}}}]'""",
    ).container("x")
    assert found is not None
    assert (found.running, found.labels, found.ports) == (True, {"a": "b"}, {22: 4022})


def test_an_absent_container_is_none(tmp_path: Path) -> None:
    assert fake_engine(tmp_path, "exit 125").container("x") is None


def test_an_engines_failure_is_one_line(tmp_path: Path) -> None:
    engine = fake_engine(tmp_path, "echo 'time=now level=warning msg=noise' >&2; echo 'Error: no space' >&2; exit 125")
    with pytest.raises(StagingError, match=r"^podman commit: Error: no space$"):
        engine.call("commit")


def test_a_hanging_engine_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(StagingError, match="did not end"):
        fake_engine(tmp_path, "exec sleep 30").call("ps", timeout=0.2)


LOST_HELPER = "unable to start container process: waiting for init preliminary setup: connection reset by peer"
NO_PROGRAM = 'unable to start container process: exec: "nope": executable file not found in $PATH'


@pytest.mark.parametrize(
    ("words", "fails", "tries", "code"),
    [(LOST_HELPER, 1, 2, 0), (LOST_HELPER, 9, 3, 255), (NO_PROGRAM, 9, 1, 255), ("words of its own", 9, 1, 255)],
)
def test_what_the_runtime_never_began_is_begun_again(
    tmp_path: Path, words: str, fails: int, tries: int, code: int
) -> None:
    count = tmp_path / "tries"
    engine = fake_engine(
        tmp_path,
        f"cat; echo x >> {count}; [ $(wc -l < {count}) -gt {fails} ] && exit 0; echo 'Error: {words}' >&2; exit 255",
    )
    done = engine.exec("web", ("/bin/cat",), "input")
    assert (done.returncode, done.stdout, len(count.read_text().split())) == (code, "input", tries)


def test_last_line_of_silence() -> None:
    assert last_line("") == "nothing at all"


@pytest.mark.parametrize("name", ["", "-x", "x-", "UP", "a b", "../x", "a" * 41])
def test_a_name_that_is_no_host_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no staging host's name"):
        up(name, directory=tmp_path, inventory=tmp_path)


STUBBORN = """#!/bin/sh
# Removes nothing before the call number AFTER, as while killed processes are still ending.
case $1 in
  rm)
    echo x >>"$0.calls"
    if [ "$(wc -l <"$0.calls")" -lt AFTER ]; then echo "Error: it did not die" >&2; exit 1; fi
    touch "$0.gone"
    ;;
  container)
    if [ -e "$0.gone" ]; then exit 1; fi
    echo '[{"State": {"Running": true}, "Config": {"Labels": {}}, "NetworkSettings": {"Ports": {}}}]'
    ;;
esac
"""


def stubborn(tmp_path: Path, after: int) -> ContainerEngine:
    program = tmp_path / "podman"
    program.write_text(STUBBORN.replace("AFTER", str(after)))
    program.chmod(0o755)
    return ContainerEngine(str(program), SERVER)


def test_a_container_whose_processes_take_their_time_is_removed_all_the_same(tmp_path: Path) -> None:
    stubborn(tmp_path, after=3).rm("web")
    assert (tmp_path / "podman.calls").read_text().count("x") == 3


def test_a_container_that_stays_is_told_with_what_the_engine_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remediate.rehearsal.container._REMOVE_SECONDS", 0)
    with pytest.raises(StagingError, match="could not remove the container web: Error: it did not die"):
        stubborn(tmp_path, after=9).rm("web")
