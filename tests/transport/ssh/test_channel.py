"""Programs on an SSH link: their streams, ends and deadlines."""

import signal
import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from remediate.transport.link import Channel, LinkLost
from remediate.transport.ssh.connection import connect as connect_fabric
from remediate.transport.ssh.ssh_link import SshLink
from support.sshd import Connect, Lab, OpenLink, run, settled


def test_large_output_in_bounded_memory(link: OpenLink) -> None:
    channel = link.start("head -c 20000000 /dev/zero", seconds=30)
    tracemalloc.start()
    try:
        size = 0
        while part := channel.receive():
            size += len(part)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 20_000_000
    assert peak < 16_000_000
    assert channel.finish() == (0, b"")
    channel.close()


def test_slow_reader_does_not_fill_memory(fabric_link: SshLink) -> None:
    channel = fabric_link.start("yes", seconds=30)
    channel.receive()
    time.sleep(0.5)
    assert len(channel._channel.in_buffer) < 4_000_000
    channel.close()


def test_stderr_flood_does_not_block(link: OpenLink) -> None:
    shown, status, errors = run(link, "head -c 10000000 /dev/zero | tr '\\0' x >&2; echo done")
    assert (shown, status) == (b"done\n", 0)
    assert errors == b"x" * 8192


def test_stderr_flood_before_input_is_read(link: OpenLink) -> None:
    data = b"y" * 4_000_000
    shown, status, _ = run(link, "head -c 5000000 /dev/zero >&2; wc -c", data)
    assert (int(shown), status) == (len(data), 0)


def test_input_and_its_end(link: OpenLink) -> None:
    assert run(link, "cat", b"") == (b"", 0, b"")
    channel = link.start("read a; echo got $a; read b; echo got $b; cat >/dev/null; echo end", seconds=10)
    channel.send(b"one\n")
    assert channel.receive() == b"got one\n"
    channel.send(b"two\n")
    assert channel.receive() == b"got two\n"
    channel.send(b"")
    assert channel.receive() == b"end\n"
    assert channel.finish() == (0, b"")
    channel.close()


def test_program_that_closed_its_input(link: OpenLink) -> None:
    assert run(link, "exec <&-; sleep 0.2; echo fine", b"z" * 5_000_000) == (b"fine\n", 0, b"")


def test_program_that_ends_without_reading(link: OpenLink) -> None:
    channel = link.start("exit 4", seconds=10)
    assert channel.receive() == b""
    channel.send(b"z" * 3_000_000)
    assert channel.finish() == (4, b"")
    channel.close()


def test_finish_without_receiving(link: OpenLink) -> None:
    channel = link.start("head -c 9000000 /dev/zero; echo bad >&2; exit 9", seconds=20)
    assert channel.finish() == (9, b"bad\n")
    channel.close()
    channel.close()


def test_child_that_keeps_the_streams_open_does_not_hold_up_finish(link: OpenLink) -> None:
    channel = link.start("sleep 300 & exit 6", seconds=300)
    assert channel.finish()[0] == 6
    channel.close()


def test_signal_is_an_unknown_status(link: OpenLink) -> None:
    assert run(link, "kill -9 $$")[1] is None


def test_deadline(link: OpenLink) -> None:
    channel = link.start("sleep 3600", seconds=0.5)
    with pytest.raises(TimeoutError, match=r"0\.5 s"):
        channel.receive()
    assert channel.finish() == (None, b"")
    channel.close()
    assert run(link, "echo still here")[0] == b"still here\n"


def test_no_terminal_and_no_agent(link: OpenLink) -> None:
    assert run(link, "tty; echo [$SSH_AUTH_SOCK]")[0] == b"not a tty\n[]\n"


def test_many_channels_at_once(link: OpenLink) -> None:
    with ThreadPoolExecutor(20) as pool:
        shown = list(pool.map(lambda n: run(link, f"sleep 0.2; echo {n}")[0], range(20)))
    assert shown == [f"{n}\n".encode() for n in range(20)]
    assert settled(lambda: not [thread for thread in threading.enumerate() if thread.name == "remediate-deadline"])


def test_more_channels_than_the_server_allows(lab: Lab, connect: Connect) -> None:
    server = lab.sshd(settings="MaxSessions 3\n")
    with connect(lab.target(server)) as link, ThreadPoolExecutor(12) as pool:
        shown = list(pool.map(lambda n: run(link, f"echo {n}")[0], range(12)))
    assert shown == [f"{n}\n".encode() for n in range(12)]


def test_one_program_after_the_other_where_the_server_allows_one(lab: Lab, connect: Connect) -> None:
    server = lab.sshd(settings="MaxSessions 1\n")
    with connect(lab.target(server)) as link:
        for number in range(8):
            assert run(link, f"echo {number}")[0] == f"{number}\n".encode()


def test_a_program_that_is_overtaken_waits_for_its_turn(
    lab: Lab, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = lab.sshd(settings="MaxSessions 1\n")
    with connect(lab.target(server)) as opened:
        link: Any = opened
        owner, name = (link._transport, "open_session") if isinstance(link, SshLink) else (link, "_control")
        ask, others = getattr(owner, name), list[Channel]()

        def overtaken(*values: Any, **options: Any) -> Any:
            monkeypatch.undo()
            others.append(link.start("sleep 0.3", seconds=20))
            return ask(*values, **options)

        monkeypatch.setattr(owner, name, overtaken)
        assert run(link, "echo late")[0] == b"late\n"
        assert len(others) == 1
        others[0].close()


def test_server_that_allows_no_session(lab: Lab, connect: Connect) -> None:
    server = lab.sshd(settings="MaxSessions 0\n")
    with connect(lab.target(server)) as link, pytest.raises(LinkLost):
        link.start("true", seconds=5)


def test_login_shell_that_speaks_first(lab: Lab, connect: Connect) -> None:
    server = lab.sshd(settings='ForceCommand echo welcome; echo noise >&2; eval "$SSH_ORIGINAL_COMMAND"\n')
    with connect(lab.target(server)) as link:
        assert run(link, "echo payload; cat", b"in") == (b"welcome\npayload\nin", 0, b"noise\n")


def test_server_that_dies(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    with connect(lab.target(server)) as link:
        channel = link.start("echo first; exec sleep 60", seconds=20)
        assert channel.receive() == b"first\n"
        server.signal_children(signal.SIGKILL)
        with pytest.raises(LinkLost):
            channel.receive()
        assert channel.finish()[0] is None
        with pytest.raises(LinkLost):
            link.start("true", seconds=5)
        channel.close()


def test_frozen_peer(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    with connect(lab.target(server)) as link:
        running = link.start("cat", seconds=1)
        server.signal_children(signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            link.start("true", seconds=0.5)
        with pytest.raises(TimeoutError):
            running.receive()
        running.close()


def test_frozen_peer_that_takes_no_more_bytes(lab: Lab) -> None:
    server = lab.sshd()
    with connect_fabric(lab.target(server)) as link:
        channel = link.start("cat >/dev/null", seconds=1.5)
        link._transport.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        server.signal_children(signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            channel.send(b"x" * 50_000_000)
        channel.close()
    assert settled(lambda: not link._transport.is_alive())


def test_link_that_is_closed_with_programs_running(link: OpenLink) -> None:
    channel = link.start("sleep 60", seconds=30)
    link.close()
    link.close()
    with pytest.raises((LinkLost, TimeoutError)):
        channel.receive()
    with pytest.raises(LinkLost):
        link.start("true", seconds=5)


def test_channel_protocol(link: OpenLink) -> None:
    channel = link.start("true", seconds=5)
    assert isinstance(channel, Channel)
    assert channel.finish() == (0, b"")
    channel.close()


def test_silence_for_a_while_leaves_the_channel_usable(link: OpenLink) -> None:
    channel = link.start("read line; echo $line; read line || echo over", seconds=20)
    with pytest.raises(TimeoutError):
        channel.receive(0.2)
    channel.send(b"x\n")
    assert channel.receive(5) == b"x\n"
    channel.send(b"")
    assert channel.receive(5) == b"over\n"
