"""SSH, through Fabric and paramiko, with the host's key verified before anything else: the one way to a real host.

`connect` opens a link to a host of the inventory, `connection_link` adopts a `fabric.Connection` somebody hands in.
Both give an `SshLink`, on which programs are started as channels. No exception of paramiko or Fabric leaves this
module: `Unreachable` while connecting, `LinkLost` and `TimeoutError` afterwards.

Fabric accepts any host key and its runner is slow and can hang for ever on a frozen peer: that is why the handshake
and the execution of commands are our own, on the transport below.
"""

import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fabric.config
import paramiko
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from fabric.connection import Connection
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import (
    AuthenticationException,
    BadAuthenticationType,
    ChannelException,
    IncompatiblePeer,
    SSHException,
)

from remediate.errors import Unreachable, UnreachableCode
from remediate.host import SshTarget
from remediate.host_keys import HostKeyRule, ServerKey, known_names, load_known_hosts, load_revoked
from remediate.link import LinkLost
from remediate.masking import strip_control
from remediate.ssh_config import Hop, Identity, SshOptions, identities, options_of, resolve, route, target_of

_CHUNK = 65536
"""Bytes handed over at once, at most."""

_STDERR_KEPT = 8192
"""Bytes of standard error that are kept; the rest is read and dropped, so that it never blocks the program."""

_UNACKNOWLEDGED_MS = 20_000
"""How long sent bytes may stay unacknowledged before the kernel gives a connection up (TCP_USER_TIMEOUT)."""

_AFTER_EXIT_SECONDS = 0.5
"""How long a program's output is waited for once it has ended; a child of it may hold the stream open for ever."""

_RELEASE_SECONDS = 0.3
"""How long a call may need to notice that its deadline passed before the whole link is cut."""

_LOG = "remediate.ssh.wire"

# What a peer's bytes make paramiko stumble over is raised again in the thread that waits, whatever its type.
_PEER_ERRORS = (
    SSHException,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    struct.error,
    InvalidSignature,
    UnsupportedAlgorithm,
    UnknownKeyType,
)

# Without a handler of their own both would print warnings to the terminal through logging's last resort.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger(_LOG).addHandler(logging.NullHandler())
logging.getLogger(_LOG).propagate = False

# Neither library has types; their objects are Any here, and never leave this module.
_paramiko: Any = paramiko
_config: Any = fabric.config


class _Deadline:
    """A moment by which something has to be over, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def shorten(self, seconds: float | None) -> None:
        """Bring the end forward to `seconds` from now, if that is earlier."""
        if seconds is not None:
            self._end = min(self._end, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until the end; raises TimeoutError past it."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not over within {self.seconds:g} s")
        return left

    @property
    def over(self) -> bool:
        """Whether the end has passed; a little early, since a wait ends when the clock has barely reached it."""
        return self._end - time.monotonic() <= 0.005


def _one_line(error: BaseException) -> str:
    text = " ".join(strip_control(str(error)).split())
    return text[:300] or type(error).__name__


def _unreachable(error: BaseException, place: str, deadline: _Deadline) -> Unreachable:
    """Say in one line why `place` could not be entered; the only place where paramiko's errors are understood."""
    match error:
        case socket.gaierror() | UnicodeError():
            return Unreachable(UnreachableCode.NAME, f"{place}: the name cannot be resolved ({_one_line(error)})")
        case _ if deadline.over or isinstance(error, TimeoutError):
            return Unreachable(
                UnreachableCode.TIMEOUT, f"{place}: no connection within {deadline.seconds:g} s; nothing was changed"
            )
        case ConnectionRefusedError():
            return Unreachable(UnreachableCode.REFUSED, f"{place}: connection refused; nothing listens on that port")
        case ChannelException(code=2):
            return Unreachable(UnreachableCode.REFUSED, f"{place}: the jump host before it could not connect to it")
        case ChannelException():
            return Unreachable(UnreachableCode.NETWORK, f"{place}: the jump host before it does not forward to it")
        case AuthenticationException():
            return Unreachable(UnreachableCode.AUTHENTICATION, f"{place}: {_one_line(error)}")
        case IncompatiblePeer():
            return Unreachable(UnreachableCode.NETWORK, f"{place}: no algorithm in common ({_one_line(error)})")
    return Unreachable(UnreachableCode.NETWORK, f"{place}: {_one_line(error)}")


def _resolved(name: str, port: int, deadline: _Deadline) -> list[Any]:
    """Look `name` up within the deadline: getaddrinfo knows none, so a late one is left behind."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    thread = threading.Thread(target=ask, name="remediate-resolve", daemon=True)
    thread.start()
    thread.join(deadline.left)
    if not answer:
        raise TimeoutError("name resolution did not answer")
    if isinstance(answer[0], Exception):
        raise answer[0]
    return list(answer[0])


def _tcp(name: str, port: int, deadline: _Deadline) -> socket.socket:
    """Connect to the first address of `name` that answers; each gets its share of the time."""
    addresses = _resolved(name, port, deadline)
    failure: OSError = ConnectionRefusedError()
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            _tune(connection)
            connection.settimeout(deadline.left / (len(addresses) - position))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


def _tune(connection: socket.socket) -> None:
    """Send small packets at once (48 ms become 3 for one command) and notice a peer that went away without a word."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_USER_TIMEOUT", _UNACKNOWLEDGED_MS), ("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5)):
        if hasattr(socket, option):  # Linux
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _close_transport(transport: Any) -> None:
    """Close a transport and see its threads end; its own close returns before that, and leaves a timer behind."""
    transport.close()
    transport.packetizer.complete_handshake()
    if transport.is_alive() and transport is not threading.current_thread():
        transport.join(1)


def _exchange_keys(transport: Any, deadline: _Deadline) -> None:
    done = threading.Event()
    transport.start_client(event=done)
    if not done.wait(deadline.left):
        raise TimeoutError("no handshake")
    if not transport.is_active():
        raise transport.get_exception() or SSHException("closed during the handshake")


def _rule(place: str, options: SshOptions, pin: str | None) -> HostKeyRule:
    known = load_known_hosts(options.known_hosts)
    if options.revoked_host_keys is not None:
        known += load_revoked(options.revoked_host_keys)
    names = known_names(options.hostname, options.port, options.host_key_alias)
    return HostKeyRule(place=place, names=names, known=known, files=options.known_hosts, pin=pin)


def _server_key(transport: Any) -> ServerKey:
    key = transport.get_remote_server_key()
    return ServerKey(key.get_name(), key.asbytes())


class VerifiedConnection(Connection):
    """A `fabric.Connection` that verifies the host's key, uses keys only and never asks; make it with `connect`."""

    # Fabric sets attributes through a proxy that only knows those of the class.
    _hop: ClassVar[Any] = None
    _seconds: ClassVar[Any] = None
    _opening: ClassVar[Any] = None
    client: Any
    host: Any
    port: Any

    def __init__(self, hop: Hop, gateway: "VerifiedConnection | None", seconds: float) -> None:
        # An empty configuration: what counts was resolved before, and fabric's files could turn forwarding on.
        config = _config.Config(lazy=True, ssh_config=_paramiko.SSHConfig())
        options = hop.options
        super().__init__(  # type: ignore[no-untyped-call]
            options.hostname,
            user=options.user,
            port=options.port,
            config=config,
            gateway=gateway or False,
            forward_agent=False,
        )
        self._set(_hop=hop, _seconds=seconds, _opening=threading.RLock())
        self.client.set_missing_host_key_policy(_paramiko.RejectPolicy())

    def get_gateway(self) -> None:
        """Return no gateway: the way was resolved before, and Fabric's own search would skip verification."""

    def open(self) -> None:
        """Open the connection, jump hosts first, unless it is open; raises Unreachable."""
        self.open_by(_Deadline(self._seconds))

    def open_by(self, deadline: _Deadline) -> None:
        """Like `open`, under a deadline that began earlier."""
        with self._opening:
            if self.is_connected:
                return
            try:
                if self.gateway:
                    self.gateway.open_by(deadline)
                self._open_verified(deadline)
            except _PEER_ERRORS as error:
                self._close_gateway()
                raise _unreachable(error, self._hop.place, deadline) from error
            except BaseException:  # not swallowed: even Ctrl-C must not leave a jump host connected
                self._close_gateway()
                raise

    def close(self) -> None:
        """Close the connection and the jump hosts it came through; safe to call twice."""
        with self._opening:
            transport = self.transport
            super().close()  # type: ignore[no-untyped-call]
            if transport is not None:
                _close_transport(transport)
            self._close_gateway()

    def _close_gateway(self) -> None:
        if self.gateway:
            self.gateway.close()

    def _open_verified(self, deadline: _Deadline) -> None:
        with identities(self._hop, os.environ.get("SSH_AUTH_SOCK"), deadline.left) as keys:
            transport = self._verified_transport(deadline)
            try:
                self._authenticate(transport, keys, deadline)
            except BaseException:
                _close_transport(transport)
                raise
        self.client._transport = transport  # noqa: SLF001 - SSHClient has no other door for one made elsewhere
        self.transport = transport

    def _socket(self, deadline: _Deadline) -> Any:
        if not self.gateway:
            return _tcp(self.host, self.port, deadline)
        return self.gateway.transport.open_channel(
            "direct-tcpip", (self.host, self.port), ("127.0.0.1", 0), timeout=deadline.left
        )

    def _verified_transport(self, deadline: _Deadline) -> Any:
        """Shake hands and check the host's key.

        A pin does not say which kind of key it is of, and a server shows one key at a time: while another one is
        shown, the handshake is repeated without that kind.
        """
        rule = _rule(self._hop.place, self._hop.options, self._hop.pin)
        refused: set[str] = set()
        refusal: Unreachable | None = None
        while True:
            try:
                transport = self._handshake(rule, refused, deadline)
            except (IncompatiblePeer, ValueError):
                if refusal is not None:
                    raise refusal from None
                raise
            key = _server_key(transport)
            try:
                rule.check(key)
            except Unreachable as error:
                _close_transport(transport)
                refusal = refusal or error
                if self._hop.pin is None or error.code is not UnreachableCode.HOST_KEY_CHANGED:
                    raise
                refused.add(key.kind)
            else:
                return transport

    def _handshake(self, rule: HostKeyRule, refused: set[str], deadline: _Deadline) -> Any:
        """Return a transport whose keys are exchanged and on which nothing else has been sent."""
        wire = self._socket(deadline)
        try:
            transport = _paramiko.Transport(wire)
            transport.set_log_channel(_LOG)
            # Ours is the only deadline: paramiko's own would end earlier or with another message.
            transport.banner_timeout = transport.handshake_timeout = deadline.left + 5
            options = transport.get_security_options()
            unwanted = refused | ({"rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in refused else set())
            options.key_types = [name for name in rule.algorithms(options.key_types) if name not in unwanted]
        except BaseException:
            wire.close()
            raise
        try:
            _exchange_keys(transport, deadline)
        except BaseException:
            _close_transport(transport)
            raise
        return transport

    def _authenticate(self, transport: Any, keys: tuple[Identity, ...], deadline: _Deadline) -> None:
        refused: list[str] = []
        for identity in keys:
            transport.auth_timeout = deadline.left
            try:
                more = transport.auth_publickey(self.user, identity.key)
            except BadAuthenticationType as error:
                accepted = ", ".join(error.allowed_types)
                raise self._denied(f"does not accept a key for user {self.user}, only: {accepted}") from None
            except AuthenticationException:
                refused.append(identity.label)
                if deadline.over or not transport.is_active():
                    break
            else:
                if more:
                    raise self._denied(f"wants more than a key for user {self.user}: {', '.join(more)}")
                return
        if deadline.over:
            raise TimeoutError("no answer to authentication")
        raise self._denied(f"refused user {self.user} with {', '.join(refused)}")

    def _denied(self, why: str) -> Unreachable:
        return Unreachable(UnreachableCode.AUTHENTICATION, strip_control(f"{self._hop.place} {why}").replace("\n", " "))


class _Bell:
    """What both of a channel's streams ring when there is something to do; rung stays rung until it is waited for."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ring, called by paramiko."""
        self._event.set()

    def clear(self) -> None:
        """Do nothing: paramiko clears when one stream is empty, which says nothing about the other."""

    def wait(self, seconds: float) -> None:
        """Wait for a ring; one that came since the last wait counts."""
        self._event.wait(seconds)
        self._event.clear()


class SshChannel:
    """One program on the host; implements `remediate.link.Channel`. Made by `SshLink.start`.

    One thread may send while another receives. A program that answers while it is still being sent more than about
    2 MiB has to be received from in such a second thread, or both sides wait for each other until the deadline.
    """

    def __init__(self, link: "SshLink", deadline: _Deadline) -> None:
        self._link = link
        self._deadline = deadline
        self._channel: Any = None
        self._bell = _Bell()
        self._stderr = bytearray()
        self._expired = False
        self._returned = threading.Event()
        self._returned.set()
        self._watchdog = threading.Timer(deadline.left, self._expire)
        self._watchdog.name = "remediate-deadline"
        self._watchdog.daemon = True
        self._watchdog.start()

    def _start(self, command: str) -> None:
        with self._call():
            self._channel = self._link._open_channel(self._deadline, self)  # noqa: SLF001 - two halves of one thing
            self._channel.in_buffer.set_event(self._bell)
            self._channel.in_stderr_buffer.set_event(self._bell)
            self._channel.exec_command(command)

    def send(self, data: bytes) -> None:
        """Write to its standard input; `b""` ends the input. Raises LinkLost, or TimeoutError past the deadline.

        What a program that has ended would still be sent is dropped: its exit status tells more than an error here.
        """
        with self._call():
            if not data:
                self._channel.shutdown_write()
            rest = memoryview(data)
            while rest:
                self._drain_stderr()
                if self._is_over():
                    return
                if self._channel.send_ready():
                    rest = rest[self._channel.send(bytes(rest[:_CHUNK])) :]
                else:
                    self._bell.wait(min(0.01, self._deadline.left))  # paramiko does not ring when there is room again

    def receive(self) -> bytes:
        """Return at most 64 KiB of its standard output, `b""` at its end. Raises LinkLost, TimeoutError."""
        with self._call():
            while True:
                self._drain_stderr()
                ended = self._is_over()  # asked before the look: what came before the end is still there to be read
                if self._channel.recv_ready():
                    return bytes(self._channel.recv(_CHUNK))
                if ended:
                    return b""
                self._bell.wait(self._deadline.left)

    def finish(self) -> tuple[int | None, bytes]:
        """Return its exit status and the first 8 KiB of its standard error; what it still prints is dropped.

        The status is None when it is not known: the link was lost, the deadline passed, or a signal ended it.
        """
        try:
            self.send(b"")
            with self._call():
                self._drain_to_the_end()
        except (LinkLost, TimeoutError):
            return None, bytes(self._stderr)
        status = self._channel.exit_status
        return (status if status >= 0 else None), bytes(self._stderr)

    def close(self) -> None:
        """Let go of it; safe to call twice. What runs on the host is not ended by this."""
        try:
            with self._call():
                self._channel.close()
        except (LinkLost, TimeoutError):
            pass  # then there is nothing left to close
        finally:
            self._watchdog.cancel()
            self._link._forget(self)  # noqa: SLF001 - two halves of one thing

    def _drain_to_the_end(self) -> None:
        channel, grace = self._channel, None
        while not self._is_over():
            while channel.recv_ready():
                channel.recv(_CHUNK)
            self._drain_stderr()
            if channel.exit_status_ready():
                grace = grace or _Deadline(_AFTER_EXIT_SECONDS)
                if grace.over:
                    return
            self._bell.wait(min(0.05, self._deadline.left))
        channel.status_event.wait(self._deadline.left)
        self._drain_stderr()

    def _drain_stderr(self) -> None:
        while self._channel.recv_stderr_ready():
            part = self._channel.recv_stderr(_CHUNK)
            self._stderr += part[: _STDERR_KEPT - len(self._stderr)]

    def _is_over(self) -> bool:
        """Return whether all its output has come; raises LinkLost, TimeoutError when it never will."""
        channel = self._channel
        if channel.eof_received:
            return True
        if channel.closed:
            # A channel that closes without having said "end of output" or a status was cut.
            if self._expired:
                raise TimeoutError(f"not over within {self._deadline.seconds:g} s")
            if channel.exit_status < 0:
                raise LinkLost(f"{self._link.place}: the link was lost")
            return True
        return False

    @contextmanager
    def _call(self) -> Iterator[None]:
        """Turn whatever paramiko raises into LinkLost or TimeoutError, and let the watchdog see who is waiting."""
        self._returned.clear()
        try:
            yield
        except _PEER_ERRORS as error:
            if self._expired or self._deadline.over:
                raise TimeoutError(f"not over within {self._deadline.seconds:g} s") from error
            raise LinkLost(f"{self._link.place}: {_one_line(error)}") from error
        finally:
            self._returned.set()

    def _expire(self) -> None:
        """End whatever waits past the deadline: paramiko's calls can block for ever on a peer that is frozen."""
        self._expired = True
        closer = threading.Thread(target=self._close_quietly, name="remediate-close", daemon=True)
        closer.start()
        closer.join(_RELEASE_SECONDS)
        # Closing is itself a message: when that cannot be sent, or somebody still waits, only cutting the link helps.
        if closer.is_alive() or not self._returned.wait(_RELEASE_SECONDS):
            self._link._cut()  # noqa: SLF001 - two halves of one thing

    def _close_quietly(self) -> None:
        if self._channel is not None:
            try:
                self._channel.close()
            except _PEER_ERRORS:
                logging.getLogger(_LOG).debug("closing a channel past its deadline failed", exc_info=True)


class SshLink:
    """An open, verified way to one host; implements `remediate.link.Link`. Made by `connect` or `connection_link`."""

    def __init__(self, connection: Any, place: str, *, owned: bool) -> None:
        self.place = place
        self._connection = connection
        self._transport: Any = connection.transport
        self._owned = owned
        self._lock = threading.Lock()
        self._channels: set[SshChannel] = set()

    def start(self, command: str, *, seconds: float) -> SshChannel:
        """Start `command` in the login shell, without a terminal; the whole call ends within `seconds`.

        Raises LinkLost, or TimeoutError when not even the start was answered in time. A host that allows no further
        session (sshd's MaxSessions) is asked again while other channels of this link are open.
        """
        channel = SshChannel(self, _Deadline(seconds))
        try:
            channel._start(command)  # noqa: SLF001 - two halves of one thing
        except BaseException:
            channel.close()
            raise
        return channel

    def close(self) -> None:
        """Close the link; safe to call twice. A connection that was handed in stays open: it is its owner's."""
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            channel.close()
        if self._owned:
            self._connection.close()

    def __enter__(self) -> "SshLink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_channel(self, deadline: _Deadline, owner: SshChannel) -> Any:
        with self._lock:
            self._channels.add(owner)
        while True:
            try:
                return self._transport.open_session(timeout=deadline.left)
            except SSHException:
                # Not only ChannelException: threads that open at once take each other's out of paramiko's hands.
                if len(self._channels) < 2 or not self._transport.is_active():
                    raise
                time.sleep(min(0.02, deadline.left))

    def _forget(self, channel: SshChannel) -> None:
        with self._lock:
            self._channels.discard(channel)

    def _cut(self) -> None:
        self._transport.close()


def connect(target: SshTarget, *, seconds: float = 10) -> SshLink:
    """Open a link to `target` within `seconds`, or less when its ssh configuration has a shorter ConnectTimeout.

    The time covers name resolution, every jump host, key exchange and authentication. Keys only, from a file or the
    agent; nothing is asked, nothing is tried twice. Raises Unreachable, whose message is one line, and
    ConfigurationError when the target or the ssh configuration itself cannot be used.
    """
    deadline = _Deadline(seconds)
    try:
        hops = route(target, lambda asked: resolve(asked, deadline.left))
    except TimeoutError as error:
        raise _unreachable(error, target.address, deadline) from error
    deadline.shorten(hops[-1].options.connect_timeout)
    connection: VerifiedConnection | None = None
    for hop in hops:
        connection = VerifiedConnection(hop, connection, seconds)
    assert connection is not None  # noqa: S101 - a route ends with its target
    connection.open_by(deadline)
    return SshLink(connection, hops[-1].place, owned=True)


def _wire_of(connection: Any) -> Any:
    return connection.transport.sock


def connection_link(connection: Connection, *, host_key: str | None = None, seconds: float = 10) -> SshLink:
    """Adopt a `fabric.Connection`, as a fabfile's task is given one; `host_key` pins its key (`SHA256:…`).

    An open one is used once its server's key, and that of every jump host, has been checked: Fabric did not do that.
    One that is not open yet is left alone, and a verified connection to the same host is made instead. Raises
    Unreachable and ConfigurationError like `connect`.
    """
    if not connection.is_connected:
        return connect(target_of(connection, host_key), seconds=seconds)
    deadline = _Deadline(seconds)
    part: Any = connection
    pin = host_key
    place = ""
    while part and not isinstance(part, str):  # a ProxyCommand is only a pipe: the key behind it was checked
        try:
            options = options_of(part, deadline.left)
            hop = Hop(options, is_jump=part is not connection)
            _rule(hop.place, options, pin).check(_server_key(part.transport))
        except _PEER_ERRORS as error:
            raise _unreachable(error, part.original_host, deadline) from error
        place = place or hop.place
        part, pin = part.gateway, None
    wire = _wire_of(connection)
    if isinstance(wire, socket.socket):
        _tune(wire)
    return SshLink(connection, place, owned=False)
