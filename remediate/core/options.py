"""The options of a run."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from remediate.core.field_types import FrozenModel, Line
from remediate.core.flags import OPTIONS
from remediate.core.rollout import MaxFail, Serial


def _plan_prefix(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{12,64}", text):
        raise ValueError("takes 12 to 64 hexadecimal digits, as --plan prints them")
    return text


PlanPrefix = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True), AfterValidator(_plan_prefix)]
"""The hash of a plan, or its first twelve digits or more."""


class Options(FrozenModel):
    """The flags of one run, with safe defaults for a person at 3 a.m."""

    plan: bool = Field(default=False, description=OPTIONS["plan"])
    yes: bool = Field(default=False, description=OPTIONS["yes"])
    hold: float = Field(default=30, ge=0, le=3600, description=OPTIONS["hold"])
    timeout: float = Field(default=900, ge=10, le=86400, description=OPTIONS["timeout"])
    wait: float = Field(default=0, ge=0, le=3600, description=OPTIONS["wait"])
    max_hosts: int = Field(default=1, ge=1, description=OPTIONS["max_hosts"])
    serial: Serial = Field(default="1", description=OPTIONS["serial"])
    max_fail: MaxFail = Field(default="0", description=OPTIONS["max_fail"])
    forks: int = Field(default=20, ge=1, le=1000, description=OPTIONS["forks"])
    approved: PlanPrefix | None = Field(default=None, description=OPTIONS["approved"])
    reason: Line | None = Field(default=None, description=OPTIONS["reason"])
    incident: Line | None = Field(default=None, description=OPTIONS["incident"])
    overrides: dict[str, Line] = Field(default={}, description="refusal codes to override, each with why")

    @model_validator(mode="after")
    def _room_to_hold(self) -> Self:
        if not self.plan and self.timeout < self.hold:
            raise ValueError(f"timeout of {self.timeout:g} s leaves no room to hold for {self.hold:g} s")
        return self

    @model_validator(mode="after")
    def _plan_or_run(self) -> Self:
        if self.plan and self.approved is not None:
            raise ValueError("approved runs a plan, so it does not go together with a new one")
        return self
