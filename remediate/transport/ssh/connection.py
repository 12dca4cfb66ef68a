"""SSH connections to real hosts; the host's key is verified before anything else.

`connect` opens a link to a host of the inventory. `connection_link` adopts a caller's `fabric.Connection`. Both return
an `SshLink`, which starts programs as channels. No exception of paramiko or Fabric leaves this module: `Unreachable`
is raised while connecting, `LinkLost` and `TimeoutError` afterwards.

Fabric accepts any host key, and its runner is slow and can hang for ever on a frozen peer. So the handshake and the
execution of commands are our own, on paramiko's transport.
"""

import os
import socket
import threading
from typing import Any, ClassVar

import fabric.config
import paramiko
from fabric.connection import Connection
from paramiko.ssh_exception import (
    AuthenticationException,
    BadAuthenticationType,
    ChannelException,
    IncompatiblePeer,
)

from remediate.core.ssh_target import SshTarget
from remediate.errors import Unreachable, UnreachableCode
from remediate.masking.masker import strip_control
from remediate.transport.deadline import Deadline
from remediate.transport.ssh.channel import LOG, PEER_ERRORS
from remediate.transport.ssh.config import Hop, options_of, resolve, route, target_of
from remediate.transport.ssh.host_keys import HostKeyRule, ServerKey, rule_of
from remediate.transport.ssh.identities import Identity, identities
from remediate.transport.ssh.ssh_link import SshLink
from remediate.transport.ssh.wire import close_transport, exchange_keys, open_tcp, reason_of, tune

# Neither library has types. Their objects are Any here, and never leave this module.
_paramiko: Any = paramiko
_config: Any = fabric.config


def _unreachable(error: BaseException, place: str, deadline: Deadline) -> Unreachable:
    """Return the reason why `place` could not be entered. Only here are paramiko's errors interpreted."""
    match error:
        case socket.gaierror() | UnicodeError():
            return Unreachable(UnreachableCode.NAME, f"{place}: the name cannot be resolved ({reason_of(error)})")
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
            return Unreachable(UnreachableCode.AUTHENTICATION, f"{place}: {reason_of(error)}")
        case IncompatiblePeer():
            return Unreachable(UnreachableCode.NETWORK, f"{place}: no algorithm in common ({reason_of(error)})")
    return Unreachable(UnreachableCode.NETWORK, f"{place}: {reason_of(error)}")


def _server_key(transport: Any) -> ServerKey:
    key = transport.get_remote_server_key()
    return ServerKey(key.get_name(), key.asbytes())


class VerifiedConnection(Connection):
    """A `fabric.Connection` that verifies the host's key, uses keys only and never prompts.

    Make it with `connect`.
    """

    # Fabric sets attributes through a proxy that only knows those of the class.
    _hop: ClassVar[Any] = None
    _seconds: ClassVar[Any] = None
    _opening: ClassVar[Any] = None
    client: Any
    host: Any
    port: Any

    def __init__(self, hop: Hop, gateway: "VerifiedConnection | None", seconds: float) -> None:
        # The configuration is empty: all options were resolved before, and Fabric's files could enable forwarding.
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
        """Return no gateway: it was resolved before, and Fabric's own search would skip verification."""

    def open(self) -> None:
        """Open the connection, jump hosts first, unless it is open. Raises Unreachable."""
        self.open_by(Deadline(self._seconds))

    def open_by(self, deadline: Deadline) -> None:
        """Open the connection like `open`, under a deadline that began earlier."""
        with self._opening:
            if self.is_connected:
                return
            try:
                if self.gateway:
                    self.gateway.open_by(deadline)
                self._open_verified(deadline)
            except PEER_ERRORS as error:
                self._close_gateway()
                raise _unreachable(error, self._hop.place, deadline) from error
            except BaseException:  # It is raised again, but even Ctrl-C must not leave a jump host connected.
                self._close_gateway()
                raise

    def close(self) -> None:
        """Close the connection and its jump hosts; safe to call twice."""
        with self._opening:
            transport = self.transport
            super().close()  # type: ignore[no-untyped-call]
            if transport is not None:
                close_transport(transport)
            self._close_gateway()

    def _close_gateway(self) -> None:
        if self.gateway:
            self.gateway.close()

    def _open_verified(self, deadline: Deadline) -> None:
        with identities(self._hop, os.environ.get("SSH_AUTH_SOCK"), deadline.left) as keys:
            transport = self._verified_transport(deadline)
            try:
                self._authenticate(transport, keys, deadline)
            except BaseException:
                close_transport(transport)
                raise
        self.client._transport = transport  # noqa: SLF001 - SSHClient has no public way to take a transport
        self.transport = transport

    def _socket(self, deadline: Deadline) -> Any:
        if not self.gateway:
            return open_tcp(self.host, self.port, deadline)
        return self.gateway.transport.open_channel(
            "direct-tcpip", (self.host, self.port), ("127.0.0.1", 0), timeout=deadline.left
        )

    def _verified_transport(self, deadline: Deadline) -> Any:
        """Shake hands and check the host's key.

        A pin does not say its kind of key, and a server shows one key at a time. If the server shows another key, the
        handshake is repeated without that kind.
        """
        rule = rule_of(self._hop.place, self._hop.options, self._hop.pin)
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
                close_transport(transport)
                refusal = refusal or error
                if self._hop.pin is None or error.code is not UnreachableCode.HOST_KEY_CHANGED:
                    raise
                refused.add(key.kind)
            else:
                return transport

    def _handshake(self, rule: HostKeyRule, refused: set[str], deadline: Deadline) -> Any:
        """Return a transport after the key exchange, with nothing else sent."""
        wire = self._socket(deadline)
        try:
            transport = _paramiko.Transport(wire)
            transport.set_log_channel(LOG)
            # Our deadline is the only one: paramiko's own would end earlier or with another message.
            transport.banner_timeout = transport.handshake_timeout = deadline.left + 5
            options = transport.get_security_options()
            unwanted = refused | ({"rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in refused else set())
            options.key_types = [name for name in rule.algorithms(options.key_types) if name not in unwanted]
        except BaseException:
            wire.close()
            raise
        try:
            exchange_keys(transport, deadline)
        except BaseException:
            close_transport(transport)
            raise
        return transport

    def _authenticate(self, transport: Any, keys: tuple[Identity, ...], deadline: Deadline) -> None:
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


def connect(target: SshTarget, *, seconds: float = 10) -> SshLink:
    """Open a link to `target` within `seconds`, or within its ssh configuration's shorter ConnectTimeout.

    The time covers name resolution, every jump host, key exchange and authentication. Only keys are used, from a file
    or the agent. It never prompts, and never repeats a failed connection. Raises Unreachable with a message of one
    line, and ConfigurationError if the target or the ssh configuration itself cannot be used.
    """
    deadline = Deadline(seconds)
    try:
        hops = route(target, lambda asked: resolve(asked, deadline.left, target.config_file))
    except TimeoutError as error:
        raise _unreachable(error, target.address, deadline) from error
    if hops[-1].nowhere is not None:
        raise hops[-1].nowhere
    deadline.shorten(hops[-1].options.connect_timeout)
    connection: VerifiedConnection | None = None
    for hop in hops:
        connection = VerifiedConnection(hop, connection, seconds)
    assert connection is not None  # noqa: S101 - a route ends with its target
    connection.open_by(deadline)
    return SshLink(connection, hops[-1].place, owned=True)


def _wire_of(connection: Any) -> Any:
    return connection.transport.sock


def connection_link(connection: Connection, *, host_key: str | None = None) -> SshLink:
    """Adopt a `fabric.Connection`, such as the one of a fabfile's task.

    `host_key` pins its key (`SHA256:…`). An open connection is used after its server's key and every jump host's have
    been checked, because Fabric did not check them. A connection that is not open is left alone, and a verified
    connection to the same host is opened. Raises Unreachable and ConfigurationError like `connect`.
    """
    if not connection.is_connected:
        return connect(target_of(connection, host_key))
    deadline = Deadline(10)
    part: Any = connection
    pin = host_key
    place = ""
    while part and not isinstance(part, str):  # A ProxyCommand is only a pipe; the key behind it was checked.
        try:
            options = options_of(part, deadline.left)
            hop = Hop(options, is_jump=part is not connection)
            rule_of(hop.place, options, pin).check(_server_key(part.transport))
        except PEER_ERRORS as error:
            raise _unreachable(error, part.original_host, deadline) from error
        place = place or hop.place
        part, pin = part.gateway, None
    wire = _wire_of(connection)
    if isinstance(wire, socket.socket):
        tune(wire)
    return SshLink(connection, place, owned=False)
