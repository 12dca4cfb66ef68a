"""Validates mappings of a file; errors name the file, the line and the correction."""

from pathlib import Path
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from remediate.core.host import Settings
from remediate.errors import WRONG_KIND, ConfigurationError, models_in, rephrased, unknown_key
from remediate.inventory.ansible_values import (
    Leaf,
    Listing,
    MappingEntry,
    Sealed,
    SourceLocation,
    Tree,
    Value,
    kind,
    local_path,
    readable,
    shown,
)

_Plain: TypeAlias = str | int | float | bool | list["_Plain"] | dict[str, "_Plain"] | None
M = TypeVar("M", bound=BaseModel)

Location: TypeAlias = tuple[int | str, ...]
"""The path of a value in a file: keys, and numbers of list items."""

# Our words for pydantic's errors. For other errors, the message shows the field's description.
_WRONG = {
    **WRONG_KIND,
    "missing": "is missing",
    "too_short": "must not be empty",
}


_IN_WORDS = frozenset({"value_error", "less_than_equal", "greater_than_equal", "string_too_long"})
"""The errors whose messages hold nothing of the input."""


def read_settings(value: Value | None, folder: Path) -> Settings:
    """Return the merged `remediate:` of one host as Settings.

    A relative `site_ca` begins at `folder`. Raises ConfigurationError, one line, for the first error; it never holds
    the value.
    """
    if value is None or (isinstance(value, Leaf) and value.value is None):
        return Settings()
    tree, plain = _mapping(value)
    ca = tree.get("site_ca")
    if isinstance(ca, Leaf) and isinstance(ca.value, str):
        try:
            plain["site_ca"] = str(local_path(ca.value, folder))
        except ValueError as error:
            raise ca.place.error(str(error)) from error
    return _validated(tree, plain, Settings)


def read_model(value: Value, model: type[M]) -> M:
    """Return a mapping of a file as a model. Raises ConfigurationError as `read_settings` does."""
    tree, plain = _mapping(value)
    return _validated(tree, plain, model)


def place_of(whole: Value, location: Location) -> SourceLocation:
    """Return the place of a value, or of the nearest thing around it that the file holds."""
    return _where(whole, location, BaseModel)[0]


def _mapping(value: Value) -> tuple[Tree, dict[str, _Plain]]:
    readable(value)
    plain = _plain(value)
    if not isinstance(value, Tree) or not isinstance(plain, dict):
        raise value.place.error(f"must be a mapping and is {kind(value)}")
    return value, plain


def _validated(tree: Tree, plain: dict[str, _Plain], model: type[M]) -> M:
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
    # An unknown key comes first, because it is often the reason why another one is missing.
    details.sort(key=lambda detail: detail["type"] != "extra_forbidden")
    raise _told(tree, details[0], len(details) - 1, model)


def _plain(value: Value) -> _Plain:
    """Return the value for pydantic. A null key is left out, so that its default applies."""
    match value:
        case Tree(entries=entries):
            return {entry.key: _plain(entry.value) for entry in entries if not _is_null(entry.value)}
        case Listing(items=items):
            return [_plain(item) for item in items]
        case Leaf(value=leaf):
            return leaf
        case Sealed():
            raise AssertionError("readable() refuses these first")


def _is_null(value: Value) -> bool:
    return isinstance(value, Leaf) and value.value is None


def _told(tree: Tree, detail: ErrorDetails, others: int, whole: type[BaseModel]) -> ConfigurationError:
    place, value, model, description = _where(tree, detail["loc"], whole)
    more = "" if others == 0 else f" (and {others} more wrong)"
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        return place.error(f"{unknown_key(last, model)}{more}")
    if detail["type"] == "enum":
        what = detail["msg"].replace("Input should be", "must be").replace("'", "")
    elif detail["type"] in _IN_WORDS:
        what = rephrased(detail["msg"])
    else:
        what = _WRONG.get(detail["type"], "is not accepted")
    if detail["type"] == "missing":
        what = f"{shown(last)} {what}"
    elif value is not None and detail["type"].endswith(("_type", "_parsing")):
        what = f"{what} and is {kind(value)}"
        if isinstance(value, Leaf) and detail["type"] == "string_type":
            what = f"{what}; put it in quotes"
    meaning = f"; {description}" if description else ""
    return place.error(f"{shown(what)}{meaning}{more}")


def _where(
    whole: Value, location: Location, model: type[BaseModel]
) -> tuple[SourceLocation, Value | None, type[BaseModel], str]:
    """Return the place and value at pydantic's location, its model, and the field's description."""
    value: Value | None = whole
    place = whole.place
    description = ""
    for depth, part in enumerate(location):
        at_end = depth == len(location) - 1
        if isinstance(part, int):
            value = value.items[part] if isinstance(value, Listing) and part < len(value.items) else None
            place = value.place if value is not None else place
            continue
        entry = next((e for e in _tree_entries(value) if e.key == part), None)
        value = entry.value if entry is not None else None
        place = entry.place if entry is not None else place
        field = model.model_fields.get(part)
        if field is not None:
            description = field.description or ""
            if not at_end:
                model = next(models_in(field.annotation), model)
    return place, value, model, description


def _tree_entries(value: Value | None) -> tuple[MappingEntry, ...]:
    return value.entries if isinstance(value, Tree) else ()
