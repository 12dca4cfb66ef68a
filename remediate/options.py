"""What a person may ask of a run."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from remediate.fields import FrozenModel

Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$", strip_whitespace=True)]


class Options(FrozenModel):
    """The flags of one run, with the defaults that a person at 3 a.m. gets without typing any."""

    plan: bool = Field(default=False, description="only read: real guards, exact steps, nothing changed")
    yes: bool = Field(default=False, description="consent to changing production hosts")
    hold: float = Field(default=30, ge=0, le=3600, description="stability window in seconds")
    timeout: float = Field(default=900, ge=10, le=86400, description="seconds that one host may take altogether")
    wait: float = Field(default=0, ge=0, le=3600, description="seconds to wait for the lock of a host")
    max_hosts: int = Field(default=1, ge=1, description="how many hosts this run may change")
    reason: Line | None = Field(default=None, description="why, for the record")
    incident: Line | None = Field(default=None, description="incident that this run belongs to")
    overrides: dict[str, Line] = Field(default={}, description="refusal codes to override, each with why")

    @model_validator(mode="after")
    def _room_to_hold(self) -> Self:
        if not self.plan and self.timeout < self.hold:
            raise ValueError(f"timeout of {self.timeout:g} s leaves no room to hold for {self.hold:g} s")
        return self
