"""The protocol of live reporters."""

from typing import Protocol

from typing_extensions import override

from remediate.core.host import Host
from remediate.core.outcome import HostOutcome, Reading, Report, StepOutcome
from remediate.core.playbook import Runnable
from remediate.masking.masker import Masker


class Reporter(Protocol):
    """A listener to a run's progress. Several hosts call it from several threads; it must not raise."""

    def began(self, run: str, runnable: Runnable, hosts: tuple[Host, ...], operator: str) -> None:
        """A run begins. This is the first output that the operator sees."""

    def progress(self, host: Host, text: str) -> None:
        """Something takes time."""

    def noticed(self, text: str) -> None:
        """Something concerns all hosts."""

    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        """The first survey of a host has arrived."""

    def waits(self, host: Host) -> None:
        """A host needs a change, and waits for consent or for its turn."""

    def stepped(self, host: Host, position: int, total: int, step: StepOutcome) -> None:
        """A remedy has been judged and, if needed, applied."""

    def finished(self, host: Host, outcome: HostOutcome) -> None:
        """One host is done."""

    def unrecorded(self, why: str) -> None:
        """The journal cannot record this run, so its report cannot be looked up later. It may be called repeatedly."""

    def ended(self, report: Report) -> None:
        """The run is over."""


class MaskingReporter(Reporter):
    """Passes everything on with secrets masked. A text that is cut into lines could not be masked any more."""

    def __init__(self, reporter: Reporter, masker: Masker) -> None:
        """Wrap a reporter."""
        self._reporter = reporter
        self._masker = masker

    @override
    def began(self, run: str, runnable: Runnable, hosts: tuple[Host, ...], operator: str) -> None:
        self._reporter.began(run, runnable, hosts, operator)

    @override
    def progress(self, host: Host, text: str) -> None:
        self._reporter.progress(host, self._masker.mask(text))

    @override
    def noticed(self, text: str) -> None:
        self._reporter.noticed(self._masker.mask(text))

    @override
    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        self._reporter.surveyed(host, tuple(map(self._masker.masked, before)))

    @override
    def waits(self, host: Host) -> None:
        self._reporter.waits(host)

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
        """Pass the report on; it is masked already."""
        self._reporter.ended(report)


class NullReporter(Reporter):
    """A reporter that does nothing, for use as a library."""

    @override
    def began(self, run: str, runnable: Runnable, hosts: tuple[Host, ...], operator: str) -> None:
        pass

    @override
    def progress(self, host: Host, text: str) -> None:
        pass

    @override
    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        pass

    @override
    def noticed(self, text: str) -> None:
        pass

    @override
    def waits(self, host: Host) -> None:
        pass

    @override
    def stepped(self, host: Host, position: int, total: int, step: StepOutcome) -> None:
        pass

    @override
    def finished(self, host: Host, outcome: HostOutcome) -> None:
        pass

    @override
    def unrecorded(self, why: str) -> None:
        pass

    @override
    def ended(self, report: Report) -> None:
        pass
