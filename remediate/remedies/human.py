"""The base of steps that only a person can do."""

from abc import abstractmethod
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.verdict import RefusalCode, Verdict, refuse, skip

HUMAN_STEP = RefusalCode(
    name="human-step",
    meaning="Only a person can do this; the message says what is needed.",
    advice="do that manually, then run this again",
)


class HumanTask(Remedy):
    """A runbook step without a command: a provider's console, a dashboard, a decision.

    It takes its place among the remedies and never acts. When the facts call for it, its guard refuses and says what a
    person has to do and where. It has no `do.` task.
    """

    link: str | None = Field(default=None, description="where it is done, from `remediate.links` of the inventory")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (HUMAN_STEP,)
    is_human: ClassVar[bool] = True

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        """It acts on nothing."""
        return ()

    @override
    def changes(self) -> tuple[Run, ...]:
        """It changes nothing."""
        return ()


class HumanStep(HumanTask):
    """A task with one reason. Subclass it with `kind`, `title`, `probes` and `needed`."""

    @abstractmethod
    def needed(self, facts: Facts) -> str | None:
        """Return what a person has to do and why, else None. Unreadable may escape."""

    @override
    def guard(self, facts: Facts) -> Verdict:
        reason = self.needed(facts)
        if reason is None:
            return skip("nothing for a person to do")
        return refuse(self.refusals[0], f"{reason}{f': {self.link}' if self.link else ''}")
