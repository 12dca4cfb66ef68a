"""A team's settings for maintenance: `[tool.remediate.maintenance]` of the project's pyproject.toml."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError, model_validator

from remediate.core.field_types import Form, FrozenModel
from remediate.errors import ConfigurationError, one_line
from remediate.project.project import section

TABLE: Final = "tool.remediate.maintenance"

Owner = Annotated[str, Form(r"^[^\x00-\x1f\x7f]{1,100}$", "text without control characters, not empty, up to 100")]


class MaintenanceSettings(FrozenModel):
    """The whole table `[tool.remediate.maintenance]`; the defaults are the runbook's."""

    owners: dict[str, Owner] = Field(default={}, description="who has what, by the name of the item: backup, capacity")
    rehearsed_within_days: int = Field(
        default=92, ge=1, le=3650, description="how long ago a playbook's rehearsal may be"
    )

    @property
    def rehearsed_within(self) -> timedelta:
        """The maximum age of a playbook's last rehearsal."""
        return timedelta(days=self.rehearsed_within_days)

    @model_validator(mode="after")
    def _known(self) -> "MaintenanceSettings":
        from remediate.maintenance.catalogue import DUTIES

        names = {duty.name for duty in DUTIES}
        if unknown := sorted(self.owners.keys() - names):
            raise ValueError(f"owners names {', '.join(unknown)}, which is none of {', '.join(sorted(names))}")
        return self


def maintenance_settings(root: Path | None) -> MaintenanceSettings:
    """Read the settings of the project in this directory, or the runbook's without one.

    Raises ConfigurationError naming the file and the key.
    """
    table = section(root, "maintenance")
    try:
        return MaintenanceSettings.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"{root}/pyproject.toml: {TABLE}: {one_line(error, MaintenanceSettings)}") from None
