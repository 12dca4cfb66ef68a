"""The errors of this package, and the exit code of each.

RemediateError
├── ConfigurationError   2  the user's input cannot be used: unknown host, bad value, bad inventory
├── Unreachable          4  the host was never entered, or the link died before any change was sent
├── ContactLost          7  the link died, or time ran out, after a change had been sent
└── Unreadable           -  one question about a host has no answer; never an exit code by itself
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Final, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

USAGE_EXIT_CODE: Final = 2
INTERRUPTED_EXIT_CODE: Final = 130
FAILED_EXIT_CODE: Final = 5
"""Exit code of a failure that is not the caller's, in commands that fix nothing."""


class RemediateError(Exception):
    """The base of this package's errors. Its text is one line that a user can act on."""


class ConfigurationError(RemediateError):
    """Input that cannot be used; the text names what was wrong and what is accepted."""


class UnreachableCode(Enum):
    """Reasons why a host could not be entered; the names are stable, reports use them."""

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
    """A host that was never entered, or whose link died while only reading. Nothing was changed."""

    def __init__(self, code: UnreachableCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["Unreachable"], tuple[UnreachableCode, str]]:
        return type(self), (self.code, self.message)


class ContactLost(RemediateError):
    """A lost link, or a passed deadline, after the first command that changes the host."""


class Unreadable(RemediateError):
    """A question to the host that failed, timed out or was answered unintelligibly.

    Unknown is its own answer: never treat it as healthy, and never as broken.
    """


WRONG_KIND: Final[Mapping[str, str]] = {
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "missing": "must be given",
    "string_type": "must be text",
    "string_pattern_mismatch": "does not have the right form",
    "path_type": "must be text, a file name",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "url_type": "must be a URL",
    "url_parsing": "must be a URL such as https://www.example.com/",
    "url_scheme": "must be a URL that begins with http:// or https://",
}
"""Our messages, by pydantic's error type, where its own would name a pattern or a type of Python."""


def one_line(error: "ValidationError", model: "type[BaseModel] | None" = None) -> str:
    """Return in one line the errors of a pydantic model.

    The input is never quoted: it may hold a secret. `hide_input_in_errors` alone is not enough: `.errors()` and
    `.json()` still show the input. With `model`, an unknown key is reported together with the keys that the model
    accepts.
    """
    return "; ".join(": ".join(filter(None, (".".join(_place(each)), _words(each, model)))) for each in _details(error))


def _details(error: "ValidationError") -> "list[ErrorDetails]":
    return error.errors(include_input=False, include_context=False, include_url=False)


def _place(detail: "ErrorDetails") -> list[str]:
    # Pydantic marks an error about a key of a mapping so, behind the key itself.
    return [str(part) for part in detail["loc"] if part != "[key]"]


def flag_line(error: "ValidationError", names: Mapping[str, str] | None = None) -> str:
    """Return in one line the errors of a model whose fields are flags.

    One is as `--hold must be at most 3600`. `names` maps fields to their flags if these have other names. What concerns
    several flags begins with the name of one.
    """

    def said(detail: "ErrorDetails") -> str:
        words = _words(detail, None)
        # The words about a whole model begin with a field.
        field, *keys = _place(detail) or [words.partition(" ")[0]]
        words = words if detail["loc"] else words.partition(" ")[2]
        flag = (names or {}).get(field, field).replace("_", "-")
        return f"--{flag} {'.'.join(keys)}: {words}" if keys else f"--{flag} {words}"

    return "; ".join(map(said, _details(error)))


def _words(detail: "ErrorDetails", model: "type[BaseModel] | None") -> str:
    if detail["type"] != "extra_forbidden" or model is None:
        return WRONG_KIND.get(detail["type"]) or rephrased(detail["msg"])
    *path, last = map(str, detail["loc"])
    models = [model]
    for part in path:
        fields = [each.model_fields[part] for each in models if part in each.model_fields]
        # A part that is not a field is the key of a mapping, or the tag of a model in a union.
        within = [each for field in fields for each in models_in(field.annotation)]
        models = within or [each for each in models if _is_kind(each, part)] or models
    return unknown_key(last, models[0]) if len(models) == 1 else "unknown key"


def rephrased(message: str) -> str:
    """Return a message of pydantic in our words. Those of our own validators are written for users."""
    words = re.sub(r"^\w+ should ", "must ", message.removeprefix("Value error, "))
    return words.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")


def _is_kind(model: "type[BaseModel]", name: str) -> bool:
    """Return whether a union's model has this tag. One of its fields accepts no other value then."""
    return any(get_args(field.annotation) == (name,) for field in model.model_fields.values())


def unknown_key(name: str, model: "type[BaseModel]") -> str:
    """Return the message for an unknown key. It lists the accepted keys, and suggests the most similar one."""
    accepted = sorted(field.alias or key for key, field in model.model_fields.items())
    return f"unknown key; {nearest(name, accepted)}accepted: {', '.join(accepted)}"


def nearest(name: str, accepted: Iterable[str], *, most: int = 1) -> str:
    """Return `did you mean X? ` for the most similar accepted names. It is empty if none is similar."""
    close = dict.fromkeys(get_close_matches(name, list(accepted), n=most))
    return f"did you mean {' or '.join(close)}? " if close else ""


def models_in(annotation: object) -> "Iterator[type[BaseModel]]":
    """Yield the models in an annotation such as `Service | None`."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


class JournalError(RemediateError):
    """A journal that cannot be read or written. The text names it and what to do; the call stored nothing."""
