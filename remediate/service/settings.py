"""The service's settings: `[tool.remediate.service]` of the project's pyproject.toml."""

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationError

from remediate.core.field_types import FrozenModel, HomePath, Reference
from remediate.errors import ConfigurationError, one_line
from remediate.project.project import section

TABLE: Final = "tool.remediate.service"


def _address(text: str) -> str:
    if re.fullmatch(r"https://[a-z0-9.-]+(:[0-9]{1,5})?", text) is None:
        raise ValueError("takes https:// and a name, as https://remediate.example.com, without a path")
    return text


class ServiceSettings(FrozenModel):
    """The whole table `[tool.remediate.service]`."""

    at_once: int = Field(default=4, ge=1, le=64, description="runs of one worker at the same time")
    per_playbook: int = Field(default=4, ge=1, le=64, description="runs of one playbook at the same time")
    fleet: int = Field(default=8, ge=1, le=256, description="runs of all workers at the same time")
    read: Reference | None = Field(default=None, description="where the token is that may read /runs, as file:PATH")
    heartbeat: Reference | None = Field(
        default=None, description="where the address is that is called each minute while all is well, as file:PATH"
    )
    people: dict[str, Reference] = Field(
        default={}, description="who may log in to approve, each with the place of a token, as file:PATH"
    )
    approval_key: HomePath | None = Field(
        default=None, description="SSH key with which the service vouches for who logged in, relative to the project"
    )
    public: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None, description="address of the service in browsers, as https://remediate.example.com"
    )
    look_again_minutes: float = Field(
        default=10, gt=0, le=1440, description="minutes after a fix until the service looks whether it holds"
    )
    keep_days: int = Field(default=30, ge=1, le=3650, description="days for which ended runs are listed")


def service_settings(root: Path | None) -> ServiceSettings:
    """Read the settings of the project in this directory. Raises ConfigurationError naming the file and the key."""
    try:
        return ServiceSettings.model_validate(section(root, "service"))
    except ValidationError as error:
        raise ConfigurationError(f"{root}/pyproject.toml: {TABLE}: {one_line(error, ServiceSettings)}") from None
