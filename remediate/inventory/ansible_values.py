"""Inventory values with their file and line, for error messages."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from remediate.core.home import at_home
from remediate.errors import ConfigurationError

_TEMPLATE_MARKS = ("{{", "{%", "{#")


def shown(text: str, limit: int = 160) -> str:
    """Return outside text for a message, as one line without control characters.

    It has at most `limit` characters, and "…" if it was cut.
    """
    if len(text) > limit:
        text = text[:limit] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """The place of a value: file, line, and the path of its keys."""

    file: Path
    line: int
    path: str = ""

    def below(self, key: str, line: int) -> "SourceLocation":
        """Return the place of a key in the mapping at this place."""
        return SourceLocation(self.file, line, f"{self.path}.{key}" if self.path else key)

    def error(self, what: str) -> ConfigurationError:
        """Return the error for this place. `what` must be safe to print (see `shown`)."""
        path = f" {shown(self.path, 400)}:" if self.path else ""
        return ConfigurationError(f"{shown(str(self.file), 400)}:{self.line}:{path} {what}")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text, number, truth value or null. `literal` is text that Ansible would not template (`!unsafe`)."""

    value: str | int | float | bool | None
    place: SourceLocation
    literal: bool = False

    @property
    def templated(self) -> bool:
        """True if Ansible would compute the value from its text."""
        return not self.literal and isinstance(self.value, str) and any(m in self.value for m in _TEMPLATE_MARKS)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value with a tag that is not read here, such as `!vault`. `text` is what the file holds, if it is text."""

    tag: str
    place: SourceLocation
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    items: tuple["Value", ...]
    place: SourceLocation


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """One key of a mapping. `text` is False if YAML reads the bare key as a number, truth value or null."""

    key: str
    value: "Value"
    place: SourceLocation
    text: bool = True


@dataclass(frozen=True, slots=True)
class Tree:
    """A mapping, in the order of the file. `resets` means that a merge drops the values of other layers."""

    entries: tuple[MappingEntry, ...]
    place: SourceLocation
    resets: bool = False

    def get(self, key: str) -> "Value | None":
        """Return the value of a key, None if it is absent. A written null is a `Leaf`."""
        return next((entry.value for entry in self.entries if entry.key == key), None)


Value: TypeAlias = Leaf | Sealed | Listing | Tree


def kind(value: Value) -> str:
    """Return the kind of a value for an error message. The value itself may be a secret."""
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


def local_path(text: str, folder: Path) -> Path:
    """Return the path of a file in an inventory. `~` is the user's home.

    A relative path begins at the inventory's folder. Raises ValueError as `at_home` does.
    """
    return (folder / at_home(Path(text))).absolute()


def plain_text(value: Value, what: str = "text") -> str:
    """Return the text of a required value.

    Raises ConfigurationError if it is something else, or if only Ansible could compute it.
    """
    readable(value)
    if not isinstance(value, Leaf) or not isinstance(value.value, str):
        raise value.place.error(f"must be {what} and is {kind(value)}")
    return value.value


def readable(value: Value) -> None:
    """Raise ConfigurationError if only Ansible can compute a required value or its parts."""
    match value:
        case Sealed():
            raise value.place.error(f"is {kind(value)}, and remediate needs its value: write it in the clear")
        case Leaf(templated=True):
            raise value.place.error("is a template, and remediate needs its value: write it out")
        case Listing(items=items):
            for item in items:
                readable(item)
        case Tree(entries=entries):
            for entry in entries:
                readable(entry.value)


MAX_DEPTH = 64
VAULT = "!vault"


def value_of(found: object, place: SourceLocation, depth: int = 0) -> Value:
    """Return what Python's or JSON's literals stand for. Raises ConfigurationError if they are nested too deep.

    Ansible marks encrypted and untrusted text in JSON by mappings of one key.
    """
    if depth > MAX_DEPTH:
        raise place.error(f"is nested more than {MAX_DEPTH} deep")
    match found:
        case None | bool() | int() | float():
            return Leaf(found, place)
        case str():
            return Leaf(_encodable(found), place)
        case {"__ansible_vault": str() as text}:
            return Sealed(VAULT, place, text)
        case {"__ansible_unsafe": str() as text}:
            return Leaf(_encodable(text), place, literal=True)
        case dict():
            keys = ((_key(key, place), key, inner) for key, inner in found.items())
            below = ((name, place.below(name, place.line), key, inner) for name, key, inner in keys)
            return Tree(
                tuple(
                    MappingEntry(name, value_of(inner, at, depth + 1), at, text=isinstance(key, str))
                    for name, at, key, inner in below
                ),
                place,
            )
        case list() | tuple() | set():
            items = sorted(found, key=repr) if isinstance(found, set) else found
            return Listing(tuple(value_of(item, place, depth + 1) for item in items), place)
        case bytes():
            return Leaf(found.decode("utf-8", "backslashreplace"), place)
        case _:  # A complex number or an ellipsis is text for Ansible, too.
            return Leaf("..." if found is ... else str(found), place)


def _encodable(text: str) -> str:
    """Return text without lone surrogates: a literal can hold them, and no file or host can."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _key(key: object, place: SourceLocation) -> str:
    try:
        return _encodable(str(key))
    except ValueError:
        raise place.error("has a number of too many digits as a key") from None
