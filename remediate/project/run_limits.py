"""A team's limits for automatic fixes: `[tool.remediate.limits]` of the project's pyproject.toml."""

from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from remediate.core.field_types import FrozenModel, HomePath
from remediate.errors import ConfigurationError, one_line
from remediate.project.project import section

TABLE: Final = "tool.remediate.limits"


class RunLimits(FrozenModel):
    """The whole table `[tool.remediate.limits]`: when a run without a terminal leaves a change to a person."""

    cool_down_minutes: float = Field(
        default=10, ge=0, le=1440, description="after a fix, the next one of the same on the host; 0: no limit"
    )
    recurring_minutes: float = Field(
        default=60, ge=0, le=10080, description="the third fix of the same on a host within this time; 0: no limit"
    )
    held_minutes: float = Field(default=10, ge=0, le=10080, description="…if both before it held for less than this")
    unhealthy_share: float = Field(
        default=1 / 3,
        gt=0,
        le=1,
        description="of a group in one run, if two hosts or more are not healthy; 1: no limit",
    )
    pause_file: HomePath | None = Field(
        default=None, description="file of the kill switch, relative to the project (default: in the state directory)"
    )


def run_limits(root: Path | None) -> RunLimits:
    """Read the limits of the project in this directory, the defaults without one.

    Raises ConfigurationError naming the file and the key.
    """
    table = section(root, "limits")
    try:
        limits = RunLimits.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"{root}/pyproject.toml: {TABLE}: {one_line(error, RunLimits)}") from None
    if limits.pause_file is None or root is None:
        return limits
    return limits.model_copy(update={"pause_file": (root / limits.pause_file).absolute()})
