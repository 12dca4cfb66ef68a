"""Inventory values with their file and line, for error messages."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from remediate.errors import ConfigurationError

_TEMPLATE_MARKS = ("{{", "{%", "{#")


def shown(text: str, limit: int = 160) -> str:
    """Text from outside as it may stand in a message: one line, no control characters, not endless."""
    if len(text) > limit:
        text = text[:limit] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where a value stands: file, line, and the path of keys that leads to it."""

    file: Path
    line: int
    path: str = ""

    def below(self, key: str, line: int) -> "SourceLocation":
        """The place of a key in the mapping that stands here."""
        return SourceLocation(self.file, line, f"{self.path}.{key}" if self.path else key)

    def error(self, what: str) -> ConfigurationError:
        """The error to raise for what stands here; `what` must be safe to print (see `shown`)."""
        path = f" {shown(self.path, 400)}:" if self.path else ""
        return ConfigurationError(f"{shown(str(self.file), 400)}:{self.line}:{path} {what}")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text, number, truth value or null; `literal` is text that Ansible would not template (`!unsafe`)."""

    value: str | int | float | bool | None
    place: SourceLocation
    literal: bool = False

    @property
    def templated(self) -> bool:
        """Ansible would compute it, so its text is not its value."""
        return not self.literal and isinstance(self.value, str) and any(m in self.value for m in _TEMPLATE_MARKS)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value under a tag that is not read here, such as `!vault`."""

    tag: str
    place: SourceLocation


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    items: tuple["Value", ...]
    place: SourceLocation


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """One key of a mapping; `text` is false where YAML takes the bare key for a number, a truth value or null."""

    key: str
    value: "Value"
    place: SourceLocation
    text: bool = True


@dataclass(frozen=True, slots=True)
class Tree:
    """A mapping, in the order of the file; `resets` says that merging drops what other layers said before."""

    entries: tuple[MappingEntry, ...]
    place: SourceLocation
    resets: bool = False

    def get(self, key: str) -> "Value | None":
        """The value of a key, None when the key is absent (a null that is written is a `Leaf`)."""
        return next((entry.value for entry in self.entries if entry.key == key), None)


Value: TypeAlias = Leaf | Sealed | Listing | Tree


def kind(value: Value) -> str:
    """What a value is, in the words of an error message; never the value itself, which may be a secret."""
    match value:
        case Tree():
            return "a mapping"
        case Listing():
            return "a list"
        case Sealed(tag=tag):
            return f"tagged {shown(tag)}"
        case Leaf(value=None):
            return "empty"
        case Leaf(value=bool()):
            return "a truth value"
        case Leaf(value=int() | float()):
            return "a number"
        case Leaf():
            return "text"
