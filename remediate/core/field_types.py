"""Types of fields in inventories, remedies and probes: names, paths, URLs."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import core_schema

from remediate.core.home import at_home
from remediate.core.ssh_target import USER_NAME, USER_NAME_LIMIT, USER_NAME_WORDS


class FrozenModel(BaseModel):
    """An immutable value that rejects unknown keys and hides its input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class NeverMasked:
    """The mark of a field that is never masked. It holds a name, an id or a code that scripts depend on."""


Identifier = Annotated[str, NeverMasked()]


@dataclass(frozen=True)
class Form:
    """The form of a text: a pattern for the machine, and words for users.

    Use it instead of a bare pattern wherever a person writes the value. An error says `words`, never the pattern.
    """

    pattern: str
    words: str
    max_length: int | None = None
    strip_whitespace: bool = False

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        text = core_schema.str_schema(
            pattern=self.pattern, max_length=self.max_length, strip_whitespace=self.strip_whitespace
        )
        return core_schema.no_info_wrap_validator_function(self._read, text)

    def _read(self, value: object, text: ValidatorFunctionWrapHandler) -> object:
        try:
            return text(value)
        except ValidationError:
            if not isinstance(value, str):
                raise  # pydantic's own error says that it must be text
            raise ValueError(f"takes {self.words}") from None


UNIT_NAME = r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,250}"
"""A systemd unit's name as in systemd.unit(5). A leading dash is excluded: a program would take it for a flag."""

UnitName = Annotated[str, Form(rf"^{UNIT_NAME}$", "a systemd unit's name, as nginx or nginx.service")]
PhpName = Annotated[str, Form(r"^php[0-9]+(\.[0-9]+)?$", "php and its version in one word, as php8.3")]
ProgramName = Annotated[
    str, Form(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$", "letters, digits, '_', '.' and '-', at most 100")
]
UserName = Annotated[str, Form(USER_NAME, USER_NAME_WORDS, max_length=USER_NAME_LIMIT)]
HostName = Annotated[
    str, Form(r"^[A-Za-z0-9_:]([A-Za-z0-9_.:-]{0,252}[A-Za-z0-9_])?$", "a host's name or address, as www.example.com")
]
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
UrlPath = Annotated[str, Form(r"^/[A-Za-z0-9._~/%?=&+-]*$", "a path as in a URL that begins with /, as /health")]
ClassName = Annotated[
    str,
    Form(
        r"^[A-Za-z_][A-Za-z0-9_]*(\\[A-Za-z_][A-Za-z0-9_]*){0,20}$",
        r"a PHP class with its namespace, as App\Jobs\SendInvoice",
    ),
]
EventType = Annotated[
    str, Form(r"^[a-z0-9_]{1,60}(\.[a-z0-9_]{1,60}){0,5}$", "an event's type in small letters, as invoice.paid")
]
ConfigKey = Annotated[
    str, Form(r"^[A-Za-z0-9_-]{1,60}(\.[A-Za-z0-9_-]{1,60}){1,6}$", "a key of config/*.php, as services.stripe.secret")
]
QueueName = Annotated[
    str,
    Form(r"^[A-Za-z0-9_][A-Za-z0-9_:.-]{0,99}$", "a queue's name: letters, digits, '_', ':', '.' and '-', at most 100"),
]
EnvKey = Annotated[str, Form(r"^[A-Za-z_][A-Za-z0-9_]{0,99}$", "a variable's name as in .env, as DB_PASSWORD")]
Line = Annotated[
    str,
    Form(
        r"^[^\x00-\x1f\x7f]{1,500}$",
        "text without control characters, not empty, up to 500",
        strip_whitespace=True,
    ),
]
"""One line of text that a person typed, 1 to 500 characters."""


HomePath = Annotated[Path, AfterValidator(at_home)]
"""A file or a directory of this machine, which need not exist."""


def _reference(text: str) -> str:
    if not re.match(r"(env|file|cmd):.", text):
        raise ValueError("takes env:NAME, file:PATH or cmd:COMMAND: a secret does not stand in a file that others read")
    return text


Reference = Annotated[str, AfterValidator(_reference)]
"""The place of a secret, which is read when it is needed."""
