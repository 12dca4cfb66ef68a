"""Steps for a person, in their place in the order."""

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


class HumanStep(Remedy):
    """A step of the runbook that has no command: a provider's console, a dashboard, a decision.

    It looks like a remedy and never acts: it says in its place what a person has to do and where, and only when the
    facts call for it. Subclass it with `kind`, `title`, `probes` and `needed`; it has no task of its own.
    """

    link: str | None = Field(default=None, description="where it is done, from `remediate.links` of the inventory")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (HUMAN_STEP,)
    is_human: ClassVar[bool] = True

    @abstractmethod
    def needed(self, facts: Facts) -> str | None:
        """Say why and what a person has to do, None when nothing calls for it. Unreadable may escape."""

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        """It acts on nothing."""
        return ()

    @override
    def guard(self, facts: Facts) -> Verdict:
        reason = self.needed(facts)
        if reason is None:
            return skip("nothing for a person to do")
        return refuse(self.refusals[0], f"{reason}{f': {self.link}' if self.link else ''}")

    @override
    def changes(self) -> tuple[Run, ...]:
        """It changes nothing."""
        return ()
