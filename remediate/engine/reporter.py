"""The protocol of live reporters."""

from typing import Protocol

from typing_extensions import override

from remediate.core.host import Host
from remediate.core.outcome import HostOutcome, Reading, Report, StepOutcome
from remediate.core.playbook import Runnable
from remediate.masking.masker import Masker


class Reporter(Protocol):
    """Hears of a run as it goes. Called from several threads when there are several hosts; must not raise."""

    def began(self, run: str, runnable: Runnable, hosts: tuple[Host, ...], operator: str) -> None:
        """A run begins: the first thing anyone sees."""

    def progress(self, host: Host, text: str) -> None:
        """Something takes time."""

    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        """The first survey of a host is in."""

    def stepped(self, host: Host, position: int, total: int, step: StepOutcome) -> None:
        """A remedy has been decided and, where needed, applied."""

    def finished(self, host: Host, outcome: HostOutcome) -> None:
        """One host is done."""

    def unrecorded(self, why: str) -> None:
        """The journal does not take this run: no report of it can be looked up later. May be told more than once."""

    def ended(self, report: Report) -> None:
        """The run is over."""


class MaskingReporter(Reporter):
    """Tells another one, without the secrets of a run: once a text is cut into lines, nobody could find them in it."""

    def __init__(self, reporter: Reporter, masker: Masker) -> None:
        """Wrap it."""
        self._reporter = reporter
        self._masker = masker

    @override
    def began(self, run: str, runnable: Runnable, hosts: tuple[Host, ...], operator: str) -> None:
        self._reporter.began(run, runnable, hosts, operator)

    @override
    def progress(self, host: Host, text: str) -> None:
        self._reporter.progress(host, self._masker.mask(text))

    @override
    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        self._reporter.surveyed(host, tuple(map(self._masker.masked, before)))

    @override
    def stepped(self, host: Host, position: int, total: int, step: StepOutcome) -> None:
        self._reporter.stepped(host, position, total, self._masker.masked(step))

    @override
    def finished(self, host: Host, outcome: HostOutcome) -> None:
        self._reporter.finished(host, self._masker.masked(outcome))

    @override
    def unrecorded(self, why: str) -> None:
        self._reporter.unrecorded(self._masker.mask(why))

    @override
    def ended(self, report: Report) -> None:
        """A report is masked already."""
        self._reporter.ended(report)


class NullReporter(Reporter):
    """Tells nobody: what the library uses."""

    def began(self, run: str, runnable: Runnable, hosts: tuple[Host, ...], operator: str) -> None:
        """See Reporter."""

    def progress(self, host: Host, text: str) -> None:
        """See Reporter."""

    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        """See Reporter."""

    def stepped(self, host: Host, position: int, total: int, step: StepOutcome) -> None:
        """See Reporter."""

    def finished(self, host: Host, outcome: HostOutcome) -> None:
        """See Reporter."""

    def unrecorded(self, why: str) -> None:
        """See Reporter."""

    def ended(self, report: Report) -> None:
        """See Reporter."""
