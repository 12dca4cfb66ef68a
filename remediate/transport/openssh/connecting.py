"""An `ssh` process that connects while this one does something else."""

import os
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remediate.core.ssh_target import SshTarget
from remediate.errors import Unreachable, UnreachableCode
from remediate.transport.deadline import Deadline
from remediate.transport.openssh.client import (
    PERSIST,
    Unusable,
    arguments,
    asked_of,
    demand_program,
    private_folder,
    socket_name,
)

if TYPE_CHECKING:
    from remediate.transport.openssh.failure import Said
    from remediate.transport.openssh.openssh_link import OpenSshLink

_SAID_LIMIT: Final = 1024 * 1024
_ENTER_SECONDS: Final = 5
"""Seconds for `ssh` in the background to answer its control socket."""
_LOOK_SECONDS: Final = 0.5
"""Seconds after which a connection that takes long is looked at."""
_MOST_JUMPS: Final = 8
"""The most jump hosts of a way. With `Host *` and ProxyJump, the jump host is its own jump host for `ssh`."""
_KINDS: Final = {"ssh-rsa": "ssh-rsa*,rsa-sha2-*"}
"""The algorithms of a kind of host key, if their names do not begin with its name."""
_NO_SHELLS: Final = {"nologin", "false"}
_KERBEROS_KEYS: Final = b"debug1: kex: algorithm: gss-"
_CERTIFICATE: Final = "-cert-v01@openssh.com"
_NO_KEY_LEFT: Final = {UnreachableCode.NETWORK, UnreachableCode.HOST_KEY_UNKNOWN, UnreachableCode.HOST_KEY_CHANGED}
_UNASKED_SECONDS: Final = PERSIST / 2
"""Seconds after which a connection that nobody asked for is opened anew: ssh ends one that is not used."""


class Connecting:
    """A connection that an `ssh` process is opening. Only keys and tickets are used; it never prompts or repeats.

    Raises Unusable if OpenSSH cannot be used for this target, and ConfigurationError for an unusable target.
    """

    def __init__(self, target: SshTarget, *, seconds: float = 10) -> None:
        self._target = target
        self._seconds = seconds
        self._deadline = Deadline(seconds)
        self._unasked = Deadline(_UNASKED_SECONDS)
        self._program = demand_program()
        asked_of(target)
        self._folder = private_folder()
        self._refused: list[str] = []
        self._process, self._said = self._started()

    def link(self) -> "OpenSshLink":
        """Wait for the connection. Raises Unreachable, ConfigurationError, and Unusable if this `ssh` is too old."""
        if self._unasked.over:
            self.close()
            self._deadline = Deadline(self._seconds)
            self._process, self._said = self._started()
        refusal: Unreachable | None = None
        try:
            while not self._logged_in():
                said = self._heard()
                reason = self._reason(said, late=False)
                unwanted = self._unwanted(said, reason)
                if unwanted is None or unwanted in self._refused:
                    # Another attempt fails either because no key is left, or because of what comes after the key.
                    raise refusal if refusal is not None and reason.code in _NO_KEY_LEFT else reason
                refusal = refusal or reason
                self._refused.append(unwanted)
                self._release()
                self._process, self._said = self._started()
            return self._verified(self._entered())
        except TimeoutError:
            raise self._reason(self._heard(), late=True) from None
        finally:
            self._release()

    def close(self) -> None:
        """Give up the connection, or end it if it is open already."""
        try:
            if self._has_ended(0) and self._process.wait() == 0:
                self._entered().close()
        except Unreachable:
            pass  # It has ended already.
        finally:
            self._release()

    def _unwanted(self, said: "Said", reason: Unreachable) -> str | None:
        """Return the algorithms to leave out of another attempt, None if it is refused for good.

        A pin does not say its kind of key, and a server shows one key at a time. It may show the pinned key within a
        certificate, which no known_hosts vouches for.
        """
        if self._target.host_key is None or said.host_key is None:
            return None
        kind = said.host_key.kind
        if reason.code is UnreachableCode.HOST_KEY_UNKNOWN and kind.endswith(_CERTIFICATE):
            return f"*{_CERTIFICATE}"
        return _KINDS.get(kind, f"{kind}*") if reason.code is UnreachableCode.HOST_KEY_CHANGED else None

    def _started(self) -> "tuple[subprocess.Popen[bytes], int]":
        self._control = self._folder / socket_name()
        try:
            words = arguments(self._target, self._folder, self._control, self._deadline.left)
            # A file and not a pipe: the process in the background keeps it open, and must never wait for a reader.
            path = self._folder / f"{socket_name()}.log"
            said = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except TimeoutError as error:
            raise Unreachable(UnreachableCode.TIMEOUT, f"{self._target.address}: {error}") from error
        except OSError as error:
            raise Unusable(f"{self._folder} cannot be written: {error.strerror}") from error
        path.unlink()
        unwanted = [f"-oHostKeyAlgorithms=-{','.join(self._refused)}"] if self._refused else []
        try:
            process = subprocess.Popen(
                [self._program, *unwanted, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env=_environment(),
                # Nothing can ask on the terminal, and Ctrl-C there is ours alone.
                start_new_session=True,
            )
        except BaseException as error:
            os.close(said)
            if isinstance(error, OSError):
                raise Unusable(f"ssh cannot be started: {error.strerror}") from error
            raise
        return process, said

    def _has_ended(self, seconds: float) -> bool:
        """Wait until the process ends: it failed, or it logged in and left a background process."""
        assert self._process.stdout is not None  # noqa: S101  # It was asked for.
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def _logged_in(self) -> bool:
        # Look once more at the deadline itself: this process may have been busy elsewhere.
        while not self._has_ended(0) and not self._has_ended(min(_LOOK_SECONDS, self._deadline.left)):
            if self._heard().jumps > _MOST_JUMPS:
                raise Unusable("its ProxyJump leads back to itself, which starts ssh without end")
        return self._process.wait() == 0

    def _entered(self) -> "OpenSshLink":
        from remediate.transport.openssh.openssh_link import OpenSshLink

        place = self._target.address if self._target.port is None else f"{self._target.address}:{self._target.port}"
        try:
            return OpenSshLink(self._control, place, Deadline(_ENTER_SECONDS))
        except OSError as error:
            raise Unreachable(UnreachableCode.LOST, f"{place}: ssh logged in, but has ended: {error}") from error

    def _verified(self, link: "OpenSshLink") -> "OpenSshLink":
        # No option forbids it here: only some builds of ssh have it, and others refuse its name.
        if _KERBEROS_KEYS in os.pread(self._said, _SAID_LIMIT, 0):
            link.close()
            raise Unusable("GSSAPIKeyExchange checks no host key")
        return link

    def _heard(self) -> "Said":
        from remediate.transport.openssh.failure import Said

        return Said(os.pread(self._said, _SAID_LIMIT, 0).decode("utf-8", "backslashreplace"))

    def _reason(self, said: "Said", *, late: bool) -> Unreachable:
        from remediate.transport.openssh.failure import failure

        if not late and (complaint := said.concerns(str(self._folder))) is not None:
            raise Unusable(f"this ssh cannot do what is needed: {complaint[:200]}")
        return failure(said, self._target, self._deadline, late=late)

    def _release(self) -> None:
        """End the process, with those of its jump hosts, unless it has gone to the background."""
        if self._process.stdout is None or self._process.stdout.closed:
            return
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._control.unlink(missing_ok=True)
        self._process.stdout.close()
        os.close(self._said)


def _environment() -> dict[str, str]:
    """Return the environment of `ssh`. It starts jump hosts' processes with SHELL; a service's may be no shell."""
    found = {**os.environ, "LC_ALL": "C"}
    if Path(found.get("SHELL", "")).name in _NO_SHELLS:
        found["SHELL"] = "/bin/sh"
    return found


def connect(target: SshTarget, *, seconds: float = 10) -> "OpenSshLink":
    """Open a link to `target` within `seconds`, or within its ssh configuration's shorter ConnectTimeout.

    Raises Unreachable with a message of one line, ConfigurationError, and Unusable.
    """
    return Connecting(target, seconds=seconds).link()
