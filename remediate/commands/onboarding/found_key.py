"""One key of the inventory: its value, its source, and its alternatives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Self, TypeAlias

from pydantic import ValidationError

from remediate.core.host import Settings
from remediate.errors import one_line

Plain: TypeAlias = str | int | bool | list["Plain"] | dict[str, "Plain"]


class Worth(Enum):
    """The worth of a value in the written inventory."""

    FOUND = "found"
    """It was read on the host."""
    GUESSED = "guessed"
    """It is likely, and a person has to look at it."""
    SET = "set"
    """It is the safe choice, whatever the host is."""
    KEPT = "kept"
    """An inventory says it already."""
    TELL = "tell"
    """Only a person knows it, or only with other permissions. It is written as a comment."""


@dataclass(frozen=True)
class FoundKey:
    """One key below `remediate:` with its value, or an example to replace."""

    key: str
    worth: Worth
    value: Plain
    why: str
    also: tuple[str, ...] = ()
    """Other candidates."""

    @classmethod
    def found(cls, key: str, value: Plain, why: str, also: Iterable[str] = ()) -> Self:
        """Return a value that was read."""
        return cls(key, Worth.FOUND, value, why, tuple(also))

    @classmethod
    def guessed(cls, key: str, value: Plain, why: str, also: Iterable[str] = ()) -> Self:
        """Return a value that is likely."""
        return cls(key, Worth.GUESSED, value, why, tuple(also))

    @classmethod
    def safe(cls, key: str, value: Plain, why: str) -> Self:
        """Return a value that forbids something."""
        return cls(key, Worth.SET, value, why)

    @classmethod
    def tell(cls, key: str, example: Plain, why: str, also: Iterable[str] = ()) -> Self:
        """Return a key that a person has to give, with an example."""
        return cls(key, Worth.TELL, example, why, tuple(also))

    def checked(self) -> "FoundKey":
        """Return it, as a comment if an inventory would not accept the value."""
        if self.worth is Worth.TELL:
            return self
        try:
            Settings.model_validate({self.key: self.value})
        except ValidationError as error:
            return replace(self, worth=Worth.TELL, why=f"{self.why}; not accepted: {one_line(error)}")
        return self


_NEVER_KEPT: Final = frozenset({"production", "disposable", "host_key"})
"""The first two are for a person to write again; the key stands at the top of the file."""


def with_kept(keys: Iterable[FoundKey], stated: Settings) -> Iterator[FoundKey]:
    """Yield the keys; the inventory's own values replace those that were seen."""
    said = stated.model_dump(mode="json", exclude_unset=True)
    kept = {key: value for key, value in said.items() if key not in _NEVER_KEPT}
    for each in keys:
        if each.key not in kept:
            yield each
            continue
        value = kept.pop(each.key)
        differs = each.worth is not Worth.TELL and getattr(settings_of((each,)), each.key) != getattr(stated, each.key)
        seen = (f"{each.value} ({each.why})",) if differs else ()
        yield FoundKey(each.key, Worth.KEPT, value, "as the inventory says", seen)
    for key, value in kept.items():
        yield FoundKey(key, Worth.KEPT, value, "as the inventory says")


def settings_of(keys: Iterable[FoundKey]) -> Settings:
    """Return the settings that the written file would have."""
    return Settings.model_validate({each.key: each.value for each in keys if each.worth is not Worth.TELL})
