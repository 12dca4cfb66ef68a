"""SSH connections of others: checked before they are used."""

from collections.abc import Iterator
from typing import Any

import pytest
from fabric.connection import Connection

from remediate.errors import Unreachable, UnreachableCode
from remediate.transport.ssh.connection import connection_link
from remediate.transport.ssh.ssh_link import SshLink
from support.sshd import USER, Lab, Sshd, fingerprint, run


@pytest.fixture
def foreign(lab: Lab) -> Iterator[tuple[Lab, Sshd, Any]]:
    server = lab.stranger()
    connection: Any = Connection(  # type: ignore[no-untyped-call]
        "127.0.0.1", port=server.port, user=USER, connect_kwargs={"key_filename": str(lab.key), "allow_agent": False}
    )
    yield lab, server, connection
    connection.close()


def test_open_connection_is_checked_first(foreign: tuple[Lab, Sshd, Any]) -> None:
    lab, server, connection = foreign
    connection.open()
    with pytest.raises(Unreachable) as caught:
        connection_link(connection)
    assert caught.value.code is UnreachableCode.HOST_KEY_UNKNOWN
    assert "Starting session" not in server.log
    with connection_link(connection, host_key=fingerprint(server.host_keys[0])) as link:
        assert run(link, "echo mine")[0] == b"mine\n"
    assert connection.is_connected
    lab.know(server)
    connection_link(connection).close()


def test_connection_that_is_not_open_is_not_opened_unverified(foreign: tuple[Lab, Sshd, Any]) -> None:
    lab, server, connection = foreign
    with pytest.raises(Unreachable) as caught:
        connection_link(connection)
    assert caught.value.code is UnreachableCode.HOST_KEY_UNKNOWN
    assert not server.has_seen_a_login()
    lab.know(server)
    with connection_link(connection) as link:
        assert run(link, "echo own")[0] == b"own\n"
    assert not connection.is_connected


def test_jump_host_of_an_open_connection_is_checked_too(foreign: tuple[Lab, Sshd, Any]) -> None:
    lab, server, gateway = foreign
    behind = lab.sshd()
    connection: Any = Connection(  # type: ignore[no-untyped-call]
        "127.0.0.1", port=behind.port, user=USER, gateway=gateway, connect_kwargs={"key_filename": str(lab.key)}
    )
    connection.open()
    try:
        with pytest.raises(Unreachable, match="jump host"):
            connection_link(connection)
        lab.know(server)
        with connection_link(connection) as link:
            assert run(link, "echo both")[0] == b"both\n"
    finally:
        connection.close()


def test_our_connection_works_as_a_fabric_connection(fabric_link: SshLink) -> None:
    shown = fabric_link._connection.run("echo fabric", hide=True, in_stream=False)
    assert shown.stdout == "fabric\n"
