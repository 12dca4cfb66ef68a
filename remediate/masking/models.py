"""Masks the texts of a model, except those that scripts depend on."""

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, get_args, get_origin

from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from remediate.core.field_types import NeverMasked
from remediate.masking.masker import LINE, Masker, T

_ANY_JSON: Final = (JsonValue, dict[str, JsonValue])


def _may_hold_secrets(field: FieldInfo) -> bool:
    """Return whether a field may contain text, and scripts do not depend on it."""
    parts = [field.annotation, *get_args(field.annotation)]
    marks = [*field.metadata, *(mark for part in parts for mark in getattr(part, "__metadata__", ()))]
    named = any(isinstance(mark, NeverMasked) for mark in marks)
    return not named and not any(get_origin(part) is Literal for part in parts)


@cache
def _text_fields(kind: type[BaseModel]) -> tuple[tuple[str, object], ...]:
    """Return the names and annotations of the fields to mask. A fleet asks for them thousands of times."""
    return tuple((name, field.annotation) for name, field in kind.model_fields.items() if _may_hold_secrets(field))


def masked(masker: Masker, model: T) -> T:
    """Return the model with secrets masked in all its texts. `Masker.masked` calls it."""
    fields = _text_fields(type(model))
    texts = {name: _value(masker, getattr(model, name), annotation) for name, annotation in fields}
    return model.model_copy(update=texts)


def _value(masker: Masker, value: object, annotation: object) -> object:
    if annotation in _ANY_JSON:
        return masker.mask_json(value)  # type: ignore[arg-type]  # as the annotation says
    match value:
        case str():
            text = masker.mask(value)
            return text[:LINE] if len(value) <= LINE < len(text) else text
        case BaseModel():
            return masked(masker, value)
        case tuple():
            return tuple(_value(masker, item, None) for item in value)
        case list():
            return [_value(masker, item, None) for item in value]
        case Mapping():
            return {key: _value(masker, item, None) for key, item in value.items()}
        case _:
            return value
