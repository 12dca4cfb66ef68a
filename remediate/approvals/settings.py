"""A team's rules for approvals: `[tool.remediate.approvals]` of the project's pyproject.toml."""

from enum import Enum
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from remediate.core.field_types import FrozenModel, HomePath, Reference
from remediate.core.host import Host
from remediate.errors import ConfigurationError, one_line
from remediate.project.project import section

TABLE: Final = "tool.remediate.approvals"


class RequiredFor(Enum):
    """The hosts that are changed only by an approved plan."""

    NONE = "none"
    PRODUCTION = "production"
    ALL = "all"


class ApprovalSettings(FrozenModel):
    """The whole table `[tool.remediate.approvals]`: who may approve, and which hosts need it."""

    allowed_signers: HomePath = Field(
        default=Path("allowed_signers"),
        description="file of the persons who may approve and their SSH keys, relative to the project",
    )
    required: RequiredFor = Field(
        default=RequiredFor.NONE, description="hosts that only an approved plan may change: none, production or all"
    )
    second_person: bool = Field(
        default=False, description="whether somebody other than who asked for the plan has to approve it"
    )
    minutes: float = Field(default=15, ge=1, le=15, description="1 to 15: how long a plan can be approved and run")
    key: Reference | None = Field(
        default=None,
        description="place of the key of plan hashes, as file:PATH (default: a file in the state directory)",
    )

    def require(self, host: Host) -> bool:
        """Return whether only an approved plan may change this host. A disposable one is broken on purpose."""
        if host.settings.disposable:
            return False
        match self.required:
            case RequiredFor.NONE:
                return False
            case RequiredFor.PRODUCTION:
                return host.settings.production
            case RequiredFor.ALL:
                return True


def approval_settings(root: Path | None) -> ApprovalSettings:
    """Read the rules of the project in this directory, the defaults without one.

    Raises ConfigurationError naming the file and the key.
    """
    try:
        settings = ApprovalSettings.model_validate(section(root, "approvals"))
    except ValidationError as error:
        raise ConfigurationError(f"{root}/pyproject.toml: {TABLE}: {one_line(error, ApprovalSettings)}") from None
    if root is None:
        return settings
    return settings.model_copy(update={"allowed_signers": (root / settings.allowed_signers).absolute()})
