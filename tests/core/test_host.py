"""Settings of a host: what their errors can say of a wrong text."""

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from remediate.core.host import Host, Settings, SshTarget
from remediate.errors import models_in

EXAMPLE = re.compile(r"for example ([^ ,;:()]+(?::\d+)?)")
KEY = "SHA256:" + "a" * 43


def _fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo, bool]]:
    """Yield each field of a model and of those in it, and whether its text has to match a pattern."""
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        yield f"{path}{name}", field, '"pattern"' in str(properties[field.alias or name]).replace("'", '"')
        for within in models_in(field.annotation):
            yield from _fields(within, f"{path}{name}.")


PATTERNS = {name: field for name, field, matched in _fields(Settings) if matched}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_key_whose_text_has_a_form_gives_an_example_that_is_accepted(name: str) -> None:
    """An error about it ends with the description, so this is how a person learns what is accepted."""
    field = PATTERNS[name]
    assert field.description is not None
    found = EXAMPLE.search(field.description)
    example = KEY if name == "host_key" else found[1] if found else ""
    checked = TypeAdapter[object](field.rebuild_annotation())
    for value in (example, [example], [example, "x"]):
        try:
            checked.validate_python(value)
        except ValidationError:
            continue
        return
    pytest.fail(f"{name}: {field.description}")


@pytest.mark.parametrize(
    ("settings", "hinted"), [({}, True), ({"host_key": KEY, "production": False}, True), ({"php": "php8.3"}, False)]
)
def test_a_host_of_which_nothing_is_said_is_to_be_looked_at(settings: dict[str, object], hinted: bool) -> None:
    host = Host(name="web1", ssh=SshTarget(address="web1"), settings=Settings.model_validate(settings))
    assert ("init --host web1 shows it" in host.undescribed) is hinted
