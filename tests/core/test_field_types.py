"""Types of fields: what a user reads who wrote a value that is not accepted."""

from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from remediate.alerts.policy import AlertPolicy
from remediate.approvals.settings import ApprovalSettings
from remediate.core.field_types import Form, FrozenModel, Line, PhpName, UnitName
from remediate.core.host import Host, Settings
from remediate.core.options import Options
from remediate.errors import flag_line, models_in, one_line
from remediate.incident import events
from remediate.incident.settings import IncidentSettings
from remediate.maintenance.settings import MaintenanceSettings
from remediate.project.run_limits import RunLimits
from remediate.service.settings import ServiceSettings

WRITTEN: tuple[type[BaseModel], ...] = (
    *(Settings, Host, Options, RunLimits),
    *(AlertPolicy, ApprovalSettings, IncidentSettings, MaintenanceSettings, ServiceSettings),
    *(each for each in vars(events).values() if isinstance(each, type) and issubclass(each, BaseModel)),
)
"""The models whose values a person writes: in the inventory, in pyproject.toml, in a policy, as flags."""


class Example(FrozenModel):
    """One of several fields."""

    php: PhpName = "php8.3"
    units: tuple[UnitName, ...] = ()
    why: Line = "because"
    started_by: dict[UnitName, str] = Field(default={})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"php": "8.3"}, "php: takes php and its version in one word, as php8.3"),
        ({"php": 8.3}, "php: must be text"),
        ({"units": ["nginx", "-x"]}, "units.1: takes a systemd unit's name, as nginx or nginx.service"),
        ({"started_by": {"-x": "ana"}}, "started_by.-x: takes a systemd unit's name, as nginx or nginx.service"),
        ({"why": " "}, "why: takes text without control characters, not empty, up to 500"),
    ],
)
def test_words_say_what_is_accepted(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Example.model_validate(given)
    assert one_line(raised.value) == said


def test_what_concerns_a_whole_value_is_said_without_a_place() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(UnitName).validate_python("-x")
    assert one_line(raised.value) == "takes a systemd unit's name, as nginx or nginx.service"


def test_a_form_strips_what_it_is_told_to_strip_and_its_schema_has_the_pattern() -> None:
    assert Example(why=" it is down ").why == "it is down"
    assert Example.model_json_schema()["properties"]["php"]["pattern"] == r"^php[0-9]+(\.[0-9]+)?$"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hold": 9999}, "--hold must be at most 3600"),
        ({"max_hosts": 0}, "--max-hosts must be at least 1"),
        ({"timeout": 20, "hold": 60}, "--timeout of 20 s leaves no room to hold for 60 s"),
        (
            {"overrides": {"config-broken": "\x07"}},
            "--override config-broken: takes text without control characters, not empty",
        ),
        ({"hold": -1, "max_hosts": 0}, "--hold must be at least 0; --max-hosts must be at least 1"),
        (
            {"overrides": {"unit-masked": "", "no-room": ""}},
            "--override unit-masked: takes text without control characters, not empty, up to 500; --override no-room: ",
        ),
    ],
)
def test_a_flag_is_named_as_it_is_typed(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Options.model_validate(given)
    assert flag_line(raised.value, {"overrides": "override"}).startswith(said)


def _models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model not in seen:
        seen.add(model)
        yield model
        for field in model.model_fields.values():
            for within in models_in(field.annotation):
                yield from _models(within, seen)


def _marks(annotation: object) -> Iterator[object]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _marks(part)


def test_whatever_a_person_writes_has_words_for_its_form() -> None:
    seen: set[type[BaseModel]] = set()
    fields = [
        (f"{model.__name__}.{name}", [*field.metadata, *_marks(field.annotation)])
        for written in WRITTEN
        for model in _models(written, seen)
        for name, field in model.model_fields.items()
    ]
    assert sum(isinstance(mark, Form) for _, marks in fields for mark in marks) > 30
    bare = [
        name for name, marks in fields for mark in marks if getattr(mark, "pattern", None) and type(mark) is not Form
    ]
    assert bare == []
