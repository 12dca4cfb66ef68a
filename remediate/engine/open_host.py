"""An examined host: its plan, its facts, and the time left."""

from time import monotonic

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import StepOutcome
from remediate.core.playbook import HostPlan
from remediate.engine.context import Context
from remediate.engine.judge import Judgement, judge
from remediate.engine.outcomes import step_outcome
from remediate.engine.surveyor import Surveyor


class OpenHost:
    """A host that can be surveyed again. Every further question may raise Unreachable or ContactLost."""

    def __init__(
        self,
        host: Host,
        host_plan: HostPlan,
        surveyor: Surveyor,
        options: Options,
        context: Context,
        *,
        begun: float,
    ) -> None:
        self.host = host
        self.host_plan = host_plan
        self.surveyor = surveyor
        self.options = options
        self.context = context
        self.stop = context.stop
        self._begun = begun

    def progress(self, text: str) -> None:
        """Tell the operator what is going on on this host."""
        self.context.reporter.progress(self.host, text)

    @property
    def facts(self) -> Facts:
        """The latest answer to each question."""
        return self.surveyor.facts

    @property
    def left(self) -> float:
        """The seconds left of this host's timeout."""
        return self.options.timeout - (monotonic() - self._begun)

    def waited(self, seconds: float) -> None:
        """Give back the seconds in which a person was asked, or other hosts were changed."""
        self._begun += seconds

    def survey(self) -> Facts:
        """Ask all questions again."""
        return self.surveyor.survey()

    def judge(self) -> tuple[Judgement, ...]:
        """Judge every remedy on the latest facts."""
        return judge(self.host_plan, self.facts, self.options.overrides)

    def planned(self) -> tuple[StepOutcome, ...]:
        """Return the present decision on every remedy, with the exact commands."""
        return tuple(step_outcome(each.remedy, each.verdict, self.facts) for each in self.judge())
