"""Unreachable hosts and lost links: the report, and the effect on the host."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.outcomes import code, problem

if TYPE_CHECKING:
    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = pytest.mark.container

CUT = "pkill -KILL -u forge -x sshd"
"""End the process that serves forge's connection: to the controller the link is gone at once."""


def unreachable(ended: "Ended", code: str) -> None:
    host = ended.is_("unreachable", 4)
    assert problem(host).code == code, ended.err
    assert "nothing was changed" in ended.err


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_another_host_key_is_not_talked_to(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")
    staged.sh(
        "rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key\n"
        "systemctl restart ssh"
    )
    staged.mark()

    ended = cli.fix()

    unreachable(ended, "host-key-changed")
    assert staged.host.host_key in ended.err
    assert (staged.logins(), staged.execs(), staged.starts()) == (0, 0, 0)


def test_a_host_without_a_pin_is_unknown(staged: "Staged", cli: "Cli") -> None:
    unreachable(cli.fix(inventory=staged.inventory_with(without=("host_key",))), "host-key-unknown")
    assert (staged.logins(), staged.execs()) == (0, 0)


def test_wrong_port(staged: "Staged", cli: "Cli") -> None:
    elsewhere = staged.inventory_with(ssh={"ansible_port": closed_port()})
    unreachable(cli.fix(inventory=elsewhere), "connection-refused")


def test_wrong_client_key(staged: "Staged", cli: "Cli", tmp_path: Path) -> None:
    key = tmp_path / "stranger"
    private = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    key.write_bytes(private)
    key.chmod(0o600)
    unreachable(
        cli.fix(inventory=staged.inventory_with(ssh={"ansible_ssh_private_key_file": str(key)})),
        "authentication-failed",
    )
    assert (staged.logins(), staged.execs()) == (0, 0)


def test_a_missing_client_key(staged: "Staged", cli: "Cli", tmp_path: Path) -> None:
    gone = staged.inventory_with(ssh={"ansible_ssh_private_key_file": str(tmp_path / "none")})
    ended = cli.fix(inventory=gone)
    assert ended.code in {2, 4}, ended.err
    assert staged.logins() == 0


def test_no_sshd(staged: "Staged", cli: "Cli") -> None:
    staged.sh("systemctl stop ssh")
    ended = cli.fix()
    host = ended.is_("unreachable", 4)
    # The engine's port forwarder accepts on behalf of the container, and closes: both are a refusal.
    assert code(host) in {"connection-refused", "network-error"}


def test_a_login_without_a_shell(staged: "Staged", cli: "Cli") -> None:
    staged.sh("usermod -s /usr/sbin/nologin forge")
    ended = cli.fix()
    unreachable(ended, "no-shell")
    assert "This account is currently not available" in " ".join(ended.err.split())


def test_link_lost_while_looking(staged: "Staged", cli: "Cli") -> None:
    # Stopped, not ended: curl on the host then waits, and the survey with it.
    staged.sh("pkill -STOP -x nginx")
    staged.mark()
    running = cli.start_fix()
    try:
        staged.sh(f"for i in $(seq 400); do pgrep -u forge -x curl && {{ {CUT}; exit 0; }}; sleep 0.05; done; exit 1")
        unreachable(running.end(), "link-lost")
    finally:
        staged.sh("pkill -CONT -x nginx")
    assert staged.starts() == 0


def test_link_lost_while_acting_is_made_again_and_the_step_found_out_about(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(3)
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix()
    staged.wait_for("activating")
    staged.sh(CUT)

    ended = running.end()

    ended.is_("fixed", 0, touched="yes")
    assert "the link was lost while it acted" in ended.step().evidence
    assert "connecting again" in ended.err
    assert staged.starts() == 1
    staged.serves()


def test_link_lost_for_good_while_acting(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(3)
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix()
    staged.wait_for("activating")
    staged.sh(f"systemctl stop ssh.socket ssh 2>/dev/null; {CUT}")
    try:
        ended = running.end(240)
    finally:
        staged.sh("systemctl start ssh")

    host = ended.is_("unknown", 7, touched="unknown")
    assert code(host) == "contact-lost"
    assert "may or may not" in ended.err
    assert f"look with: invoke check.app-down --host {staged.name}" in ended.err

    # What was begun went on by itself; a second run sees that and leaves it alone.
    cli.fix("--wait", "40").is_("healthy", 0)
    assert staged.starts() == 1
    staged.serves()
