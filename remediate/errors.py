"""The errors of this package, and which exit code each ends in.

RemediateError
├── ConfigurationError   2  what the user gave cannot be used: unknown host, bad value, bad inventory
├── Unreachable          4  never got in, or the link died before anything was sent to act
├── ContactLost          7  the link died, or time ran out, after something had been sent to act
└── Unreadable           -  one question about a host has no answer; never an exit code by itself
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Final, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

USAGE_EXIT_CODE: Final = 2
INTERRUPTED_EXIT_CODE: Final = 130
FAILED_EXIT_CODE: Final = 5
"""What commands that mend nothing end with when something is wrong that is not the caller's fault."""


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


WRONG_KIND: Final[Mapping[str, str]] = {
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "path_type": "must be text, a file name",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "url_type": "must be a URL",
    "url_parsing": "must be a URL such as https://www.example.com/",
    "url_scheme": "must be a URL that begins with http:// or https://",
}
"""What a user is told instead of pydantic's own words where something of another kind is wanted."""


def one_line(error: "ValidationError", model: "type[BaseModel] | None" = None) -> str:
    """Say in one line what a pydantic model rejects, without ever quoting the input: it may hold a secret.

    `hide_input_in_errors` alone does not do that: `.errors()` and `.json()` still show it. With `model`, a key that
    it does not have is told with those that it has.
    """
    found = error.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'value'}: {_words(each, model)}" for each in found)


def _words(detail: "ErrorDetails", model: "type[BaseModel] | None") -> str:
    if detail["type"] != "extra_forbidden" or model is None:
        # A validator of ours says it in its own words.
        return WRONG_KIND.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    *path, last = map(str, detail["loc"])
    models = [model]
    for part in path:
        fields = [each.model_fields[part] for each in models if part in each.model_fields]
        # What is no field is a key of a mapping, or says which of several models it is.
        within = [each for field in fields for each in models_in(field.annotation)]
        models = within or [each for each in models if _is_kind(each, part)] or models
    return unknown_key(last, models[0]) if len(models) == 1 else "unknown key"


def _is_kind(model: "type[BaseModel]", name: str) -> bool:
    """Whether a model of a union is the one of this name: one of its fields can have no other value."""
    return any(get_args(field.annotation) == (name,) for field in model.model_fields.values())


def unknown_key(name: str, model: "type[BaseModel]") -> str:
    """Say of a key that a model does not have which it has, the most similar one first."""
    accepted = sorted(model.model_fields)
    close = get_close_matches(name, accepted, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"unknown key; {hint}accepted: {', '.join(accepted)}"


def models_in(annotation: object) -> "Iterator[type[BaseModel]]":
    """Yield the models in an annotation such as `Service | None`."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


class JournalError(RemediateError):
    """The journal cannot be read or written; the text names it and what to do. Nothing was stored by the call."""
