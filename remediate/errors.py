"""The errors of this package, and which exit code each ends in.

RemediateError
├── ConfigurationError   2  what the user gave cannot be used: unknown host, bad value, bad inventory
├── Unreachable          4  never got in, or the link died before anything was sent to act
├── ContactLost          7  the link died, or time ran out, after something had been sent to act
└── Unreadable           -  one question about a host has no answer; never an exit code by itself
"""

from enum import Enum

from pydantic import ValidationError


class RemediateError(Exception):
    """Anything this package raises on purpose; its text is one line that a user can act on."""


class ConfigurationError(RemediateError):
    """What the user gave cannot be used; the text names what was wrong and what is accepted."""


class UnreachableCode(Enum):
    """Why a host could not be entered; stable names, used in reports."""

    NAME = "name-not-resolved"
    REFUSED = "connection-refused"
    TIMEOUT = "connect-timeout"
    NETWORK = "network-error"
    HOST_KEY_UNKNOWN = "host-key-unknown"
    HOST_KEY_CHANGED = "host-key-changed"
    HOST_KEY_REVOKED = "host-key-revoked"
    AUTHENTICATION = "authentication-failed"
    KEY_FILE = "key-file"
    SHELL = "no-shell"
    LOST = "link-lost"


class Unreachable(RemediateError):
    """The host was never entered, or the link died while only reading: nothing was changed."""

    def __init__(self, code: UnreachableCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["Unreachable"], tuple[UnreachableCode, str]]:
        return type(self), (self.code, self.message)


class ContactLost(RemediateError):
    """The link died, or the deadline passed, once something had been sent that changes the host."""


class Unreadable(RemediateError):
    """A question to the host failed, timed out or was answered with what cannot be read.

    Unknown is its own answer: it is never taken for healthy and never for broken.
    """


def one_line(error: ValidationError) -> str:
    """Say in one line what a pydantic model rejects, without ever quoting the input: it may hold a secret.

    `hide_input_in_errors` alone does not do that: `.errors()` and `.json()` still show it.
    """
    found = error.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'value'}: {each['msg']}" for each in found)
