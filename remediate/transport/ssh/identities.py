"""Client keys for a host, from files and the agent, without passphrase prompts."""

import base64
import binascii
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.agent import AgentSSH
from paramiko.pkey import PKey, UnknownKeyType
from paramiko.ssh_exception import SSHException

from remediate.errors import Unreachable, UnreachableCode
from remediate.transport.ssh.config import Hop


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key to offer, and its name in messages."""

    label: str
    key: Any


class _Agent(AgentSSH):
    """The user's ssh agent at a given socket. paramiko's own reads SSH_AUTH_SOCK only and has no time limit."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._connect(connection)  # type: ignore[no-untyped-call]


@contextmanager
def identities(hop: Hop, agent_socket: str | None, seconds: float) -> Iterator[tuple[Identity, ...]]:
    """Yield the keys to offer to `hop`, in order. The agent is connected while the context is open.

    A key file that was given explicitly is the only one offered. Raises Unreachable(KEY_FILE) if that file, or every
    existing key, cannot be used without a passphrase.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        agent = _agent_keys(connection, hop.options.identity_agent or agent_socket, agent_socket, seconds)
        yield _choose(hop, agent)


def _agent_keys(connection: socket.socket, path: str | None, usual: str | None, seconds: float) -> list[Identity]:
    if path == "SSH_AUTH_SOCK":
        path = usual
    elif path is not None and path.startswith("$"):
        path = os.environ.get(path[1:].strip("{}"))
    if path is None or path == "none":
        return []
    connection.settimeout(seconds)
    try:
        connection.connect(path)
        agent: Any = _Agent(connection)
        return [Identity(f"agent key {key.comment or key.get_name()}", key) for key in agent.get_keys()]
    except (OSError, SSHException, ValueError):
        return []  # As with ssh, an agent that is gone or silent has no keys.


def _choose(hop: Hop, agent: list[Identity]) -> tuple[Identity, ...]:
    chosen: list[Identity] = []
    problems: list[str] = []
    only = None if hop.is_jump else hop.key_file
    files = [only] if only is not None else [*hop.options.identity_files, *([hop.key_file] if hop.key_file else [])]
    for path in dict.fromkeys(files):
        if only is None and not path.exists():
            continue  # Most of ssh's default key files do not exist.
        try:
            chosen += _from_file(path, agent)
        except Unreachable as error:
            problems.append(error.message)
    if only is None and not hop.options.identities_only:
        chosen += [identity for identity in agent if identity not in chosen]
    if not chosen and problems:
        raise Unreachable(UnreachableCode.KEY_FILE, f"{hop.place}: {'; '.join(problems)}")
    if not chosen:
        raise Unreachable(
            UnreachableCode.AUTHENTICATION, f"{hop.place}: no private key to offer, neither in a file nor in an agent"
        )
    return tuple(chosen)


def _from_file(path: Path, agent: list[Identity]) -> list[Identity]:
    """Return the key in `path`, from the agent if possible: that needs no passphrase."""
    public = _public_blob(path)
    held = [identity for identity in agent if public is not None and identity.key.asbytes() == public]
    if held:
        return held
    try:
        key: Any = PKey.from_path(path)
        if key.public_blob is None:
            return [Identity(str(path), key)]
        # As with ssh, a certificate next to the key comes first, and an expired one does not spoil a good key.
        alone = copy(key)
        alone.public_blob = None
        return [Identity(f"{path}-cert.pub", key), Identity(str(path), alone)]
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except TypeError:  # cryptography raises this for an encrypted key without a passphrase.
        problem = "needs a passphrase: add it to an ssh agent, nothing is asked for here"
    except (SSHException, UnknownKeyType, UnsupportedAlgorithm, ValueError, LookupError):
        problem = "is not a private key that can be used"
    raise Unreachable(UnreachableCode.KEY_FILE, f"private key {path} {problem}")


def _public_blob(path: Path) -> bytes | None:
    """Return the public half of the key in `path` without its passphrase. None if there is none."""
    for place in (path, path.with_name(path.name + ".pub")):
        try:
            fields = place.read_text(errors="replace").split(maxsplit=2)
            blob = base64.b64decode(fields[1], validate=True)
        except (OSError, LookupError, ValueError, binascii.Error):
            continue
        if blob[4:].startswith(fields[0].encode()):
            return blob
    return None
