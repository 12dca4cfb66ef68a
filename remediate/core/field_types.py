"""Types of fields in inventories, remedies and probes: names, paths, URLs."""

import re
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field, StringConstraints


class FrozenModel(BaseModel):
    """An immutable value that rejects unknown keys and hides its input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class NeverMasked:
    """The mark of a field that is never masked. It holds a name, an id or a code that scripts depend on."""


Identifier = Annotated[str, NeverMasked()]

UNIT_NAME = r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,250}"
"""A systemd unit's name as in systemd.unit(5). A leading dash is excluded: a program would take it for a flag."""

UnitName = Annotated[str, StringConstraints(pattern=rf"^{UNIT_NAME}$")]
PhpName = Annotated[str, StringConstraints(pattern=r"^php[0-9]+(\.[0-9]+)?$")]
ProgramName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
UserName = Annotated[
    str,
    StringConstraints(
        max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*(\\[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@[A-Za-z0-9.-]+)?$"
    ),
]
"""A user name as in passwd(5), or as in a directory: `ana@corp.example.com`, `CORP\\ana`."""
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:]([A-Za-z0-9_.:-]{0,252}[A-Za-z0-9_])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]


def _absolute(value: str) -> str:
    if not value.startswith("/") or ".." in value.split("/") or re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("must be an absolute path without '..' or control characters")
    return value


AbsolutePath = Annotated[str, AfterValidator(_absolute)]


def _public(value: AnyHttpUrl) -> AnyHttpUrl:
    if value.username is not None or value.password is not None:
        # Every user of the host could read it in curl's arguments.
        raise ValueError("must not hold a user or a password before the host's name: the public has none")
    return value


PublicUrl = Annotated[AnyHttpUrl, AfterValidator(_public)]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/%?=&+-]*$")]
ClassName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\\[A-Za-z_][A-Za-z0-9_]*){0,20}$")]
EventType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}(\.[a-z0-9_]{1,60}){0,5}$")]
ConfigKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}(\.[A-Za-z0-9_-]{1,60}){1,6}$")]
QueueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_:.-]{0,99}$")]
EnvKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]


def _reference(text: str) -> str:
    if not re.match(r"(env|file|cmd):.", text):
        raise ValueError("takes env:NAME, file:PATH or cmd:COMMAND: a secret does not stand in a file that others read")
    return text


Reference = Annotated[str, AfterValidator(_reference)]
"""The place of a secret, which is read when it is needed."""
