"""The host that `init` looks at, and what it says about a key that nobody has compared."""

from pathlib import Path

import pytest

from remediate.commands.onboarding.target import host_of, key_advice
from remediate.core.host import Host, SshTarget
from remediate.errors import ConfigurationError, UnreachableCode
from support.stubs import stub

INVENTORY = """
shop:
  hosts:
    web1: {ansible_host: 192.0.2.1, ansible_user: deploy}
    web2:
"""


def ignore(_: str) -> None:
    """Take a warning."""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "prod.yml"
    path.write_text(INVENTORY)
    return path


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("web9.example.com", SshTarget(address="web9.example.com")),
        ("ana@web9", SshTarget(address="web9", user="ana")),
        ("ana@web9:2222", SshTarget(address="web9", user="ana", port=2222)),
        ("CORP\\ana@192.0.2.9", SshTarget(address="192.0.2.9", user="CORP\\ana")),
        ("[2001:db8::1]:22", SshTarget(address="2001:db8::1", port=22)),
    ],
)
def test_a_host_is_named_as_for_ssh(inventory: Path, text: str, target: SshTarget) -> None:
    assert host_of(text, (inventory,), None, ignore) == (Host(name=target.address, ssh=target), None)
    assert host_of(text, (), None, ignore) == (Host(name=target.address, ssh=target), None)


def test_a_host_of_an_inventory_is_reached_as_it_says(inventory: Path) -> None:
    host, variables = host_of("web1", (inventory,), None, ignore)
    assert (host.ssh.address, host.ssh.user) == ("192.0.2.1", "deploy")
    assert variables == inventory.parent / "host_vars/web1.yml"


def test_a_name_means_the_host_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise `init` would look at whatever DNS calls so, and write a second host of that name."""
    said = '{"web": {"hosts": ["web1"]}, "_meta": {"hostvars": {"web1": {"ansible_host": "192.0.2.7"}}}}'
    stub(tmp_path / "ansible-inventory", f"echo '{said}'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "cloud").write_text("#!/bin/false\n")
    host, variables = host_of("web1", (tmp_path / "cloud",), tmp_path, ignore)
    assert (host.ssh.address, variables) == ("192.0.2.7", tmp_path / "host_vars/web1.yml")


def test_what_cannot_be_read_may_have_the_host(inventory: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("a: [\n")
    lines: list[str] = []
    assert host_of("web9", (inventory, tmp_path / "broken.yml"), None, lines.append)[1] is None
    assert [line.partition(": ")[0] for line in lines] == [f"{tmp_path}/broken.yml:1"]


def test_what_is_encrypted_is_not_written_in_the_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path / "ansible-vault", "printf 192.0.2.77")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "a.yml").write_text("all: {hosts: {web1: {ansible_host: !vault '$ANSIBLE_VAULT;1.1;AES256'}}}\n")
    with pytest.raises(ConfigurationError, match=r"encrypts how web1 is reached, .*: give \[user@\]host") as caught:
        host_of("web1", (tmp_path / "a.yml",), tmp_path, ignore)
    assert "192.0.2.77" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ssh://ana@web1", "--host: user 'ssh://ana': takes a user's name: letters"),
        ("shop", "init looks at one host, and shop is a group"),
        ("web*", "--host takes a host of an inventory, or"),
        ("web1,web2", "--host takes a host of an inventory, or"),
        ("-oProxyCommand=x", "--host takes a host of an inventory, or"),
        ("ana@-x", "--host takes a host of an inventory, or"),
        ("", "--host takes a host of an inventory, or"),
        ("web9:99999", "--host: port 99999: takes a number from 1 to 65535"),
        ("1x@web9", "--host: user '1x': takes a user's name: letters"),
    ],
)
def test_anything_else_is_wrong_usage(inventory: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        host_of(text, (inventory,), None, ignore)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_key_is_compared_by_a_person(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host web9\n  HostName 192.0.2.9\n")
    target = SshTarget(address="web9", user="ana", port=2222, config_file=config)
    lines = key_advice(target, UnreachableCode.HOST_KEY_UNKNOWN)
    assert any("ssh-keygen -lf" in line and "/etc/ssh/ssh_host_*_key.pub" in line for line in lines)
    assert f"  ssh -F {config} -p 2222 ana@web9" in lines
    assert "  ssh-keyscan -p 2222 192.0.2.9 2>/dev/null | ssh-keygen -lf -" in lines
    assert "  ssh-keyscan -p 2222 192.0.2.9 2>/dev/null >> ~/.ssh/known_hosts" in lines


def test_a_key_can_be_stored_where_ssh_was_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    target = SshTarget(address="192.0.2.9")
    assert "  mkdir -m 700 ~/.ssh" in key_advice(target, UnreachableCode.HOST_KEY_UNKNOWN)
    (tmp_path / ".ssh").mkdir()
    assert "  mkdir -m 700 ~/.ssh" not in key_advice(target, UnreachableCode.HOST_KEY_UNKNOWN)


def test_behind_a_jump_host_no_scan_is_recommended(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("")
    target = SshTarget(address="192.0.2.9", jumps=("ops@gate",), config_file=config)
    lines = key_advice(target, UnreachableCode.HOST_KEY_UNKNOWN)
    assert f"  ssh -F {config} -J ops@gate 192.0.2.9" in lines
    assert not any("keyscan" in line for line in lines)


@pytest.mark.parametrize("code", [code for code in UnreachableCode if code is not UnreachableCode.HOST_KEY_UNKNOWN])
def test_any_other_failure_recommends_no_key(code: UnreachableCode) -> None:
    assert key_advice(SshTarget(address="web9"), code) == ()
