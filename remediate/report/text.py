"""The text report: results on one stream, progress on the other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock

from remediate.core.host import Host
from remediate.core.outcome import HostOutcome, Reading, Report, RunVerdict, StepOutcome, Touched
from remediate.core.playbook import Runnable, Severity
from remediate.masking.stream import Steady, Stream
from remediate.remedies.single import SingleRemedy
from remediate.report.hints import CommandHints
from remediate.report.lines import HEADLINES, MARGIN, clean, step_lines, survey_lines, verdict_lines


class TextReporter:
    """Prints a run while it goes. `program` is the typed command, for the commands that it recommends.

    Output that a stream rejects is lost: a reader that has left does not end a run.
    """

    def __init__(
        self,
        out: Stream | None,
        err: Stream | None,
        *,
        program: str,
        inventory: str | None = None,
        incident: str | None = None,
    ) -> None:
        self._out = Steady(out)
        self._err = Steady(err)
        self._lock = Lock()
        self._hints = CommandHints(program, "", "", None, inventory, incident)
        self._several = False
        self._told: set[str] = set()

    def began(self, run: str, runnable: Runnable, hosts: tuple[Host, ...], operator: str) -> None:
        """See Reporter."""
        self._several = len(hosts) > 1
        given = runnable.flags if isinstance(runnable, SingleRemedy) else ""
        self._hints = self._hints._replace(name=runnable.name, run=run, severity=runnable.severity, given=given)
        names = ", ".join(
            host.name if host.name == host.ssh.address else f"{host.name} ({host.ssh.address})" for host in hosts
        )
        now = datetime.now(UTC)
        self._say([f"{runnable.name} on {names}   run {run}   operator {operator}   {now:%H:%M:%SZ}"])

    def progress(self, host: Host, text: str) -> None:
        """See Reporter."""
        with self._lock:
            self._err.write(f"{'':{MARGIN}}... {self._prefix(host.name)}{clean(text)}\n")
            self._err.flush()

    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        """See Reporter."""
        self._block("BEFORE", host.name, survey_lines(before))

    def stepped(self, host: Host, position: int, total: int, step: StepOutcome) -> None:
        """See Reporter."""
        self._told.add(host.name)
        self._block("DO" if position == 1 else "", host.name, step_lines(position, total, step))

    def finished(self, host: Host, outcome: HostOutcome) -> None:
        """See Reporter."""
        self._rest(outcome, told=host.name in self._told)

    def unrecorded(self, why: str) -> None:
        """See Reporter."""
        with self._lock:
            if self._hints.recorded:
                said = f"{clean(why)}; keep what is printed here, runs.show does not have it"
                self._err.write(f"warning: this run is not recorded: {said}\n")
                self._err.flush()
            self._hints = self._hints._replace(recorded=False)

    def ended(self, report: Report) -> None:
        """See Reporter."""
        if self._several:
            counted = Counter(host.verdict for host in report.hosts)
            told = ", ".join(f"{count} {HEADLINES[verdict]}" for verdict, count in counted.items())
            self._say([f"{len(report.hosts)} hosts: {told}   touched: {report.touched.value}"])

    def show(
        self, report: Report, *, shown: str, severity: Severity | None, given: Mapping[str, str] | None = None
    ) -> None:
        """Print a finished run from its report. `given` maps each host to a single remedy's arguments, as flags."""
        self._several = len(report.hosts) > 1
        self._hints = self._hints._replace(name=report.playbook, run=shown, severity=severity)
        names = ", ".join(host.name for host in report.hosts)
        head = f"{report.playbook} on {names}   run {report.run}   operator {report.operator}"
        self._say([f"{head}   {report.started:%Y-%m-%d %H:%M:%SZ}   {report.mode.value}"])
        for outcome in report.hosts:
            self._hints = self._hints._replace(given=(given or {}).get(outcome.name, ""))
            self._block("BEFORE", outcome.name, survey_lines(outcome.before))
            self._rest(outcome, told=False)
        self.ended(report)

    def _rest(self, outcome: HostOutcome, *, told: bool) -> None:
        if not told:
            total = len(outcome.steps)
            lines = [line for number, step in enumerate(outcome.steps, 1) for line in step_lines(number, total, step)]
            self._block("DO", outcome.name, lines)
        if outcome.touched is not Touched.NO:
            fixed = outcome.verdict is RunVerdict.FIXED
            proven = [clean(step.evidence) for step in outcome.steps if fixed and step.changed]
            self._block("AFTER", outcome.name, [*survey_lines(outcome.after), *proven])
        first, *others = verdict_lines(outcome, self._hints)
        self._say([f"{self._prefix(outcome.name)}{first}", *others])

    def _prefix(self, name: str) -> str:
        return f"{name}: " if self._several else ""

    def _block(self, title: str, name: str, lines: Sequence[str]) -> None:
        prefix = self._prefix(name)
        titles = [title, *[""] * len(lines)]
        self._say([f"{head:<{MARGIN}}{prefix}{line}" for head, line in zip(titles, lines, strict=False)])

    def _say(self, lines: Sequence[str]) -> None:
        if lines:
            with self._lock:
                self._out.write("".join(f"{line.rstrip()}\n" for line in lines))
                self._out.flush()
