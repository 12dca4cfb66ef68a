"""The text report: results on one stream, progress on the other."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock

from typing_extensions import override

from remediate.core.host import Host
from remediate.core.host_names import NAMED, names_of
from remediate.core.outcome import HostOutcome, Reading, Report, RunVerdict, StepOutcome, Touched
from remediate.core.playbook import Runnable, Severity
from remediate.engine.reporter import Reporter
from remediate.masking.stream import Steady, Stream
from remediate.remedies.single import SingleRemedy
from remediate.report.hints import CommandHints
from remediate.report.lines import HEADLINES, MARGIN, proof_lines, step_lines, survey_lines, verdict_lines
from remediate.report.live_table import LiveTable
from remediate.report.several import brief_line, left_alone_lines
from remediate.report.wrapping import clean


class TextReporter(Reporter):
    """Prints a run while it goes. `program` is the typed command, for the commands that it recommends.

    A single host is reported while the run goes on. Of several hosts, one that is healthy or was left alone gets one
    line. Any other gets the full text; its survey is printed when its first change begins. Progress of several hosts
    is only shown in the `live` table, if there is one.

    Output that a stream rejects is lost, because a reader that has left must not end a run.
    """

    def __init__(
        self,
        out: Stream | None,
        err: Stream | None,
        *,
        program: str,
        inventory: str | None = None,
        incident: str | None = None,
        target: str | None = None,
        rollout: str = "",
        live: LiveTable | None = None,
        approve: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Take what the user typed: `target` for --host, `rollout` as the flags of a rolling change.

        `approve` returns the command that approves the plan that was given, as `CommandHints` has it.
        """
        self._out = Steady(out)
        self._err = Steady(err)
        self._lock = Lock()
        self._hints = CommandHints(
            program, "", "", None, inventory, incident, target=target, rollout=rollout, approve=approve
        )
        self._several = False
        self._live = live
        self._before: dict[str, tuple[Reading, ...]] = {}
        """Surveys of several hosts that are not told yet."""
        self._told: set[str] = set()
        self._over: set[str] = set()

    @override
    def began(self, run: str, runnable: Runnable, hosts: tuple[Host, ...], operator: str) -> None:
        self._several = len(hosts) > 1
        given = runnable.flags if isinstance(runnable, SingleRemedy) else ""
        self._hints = self._hints._replace(name=runnable.name, run=run, severity=runnable.severity, given=given)
        names = ", ".join(
            host.name if host.name == host.ssh.address else f"{host.name} ({host.shown_address})" for host in hosts
        )
        if len(hosts) > NAMED:
            names = f"{len(hosts)} hosts: {names_of(hosts)}"
        now = datetime.now(UTC)
        self._say([f"{runnable.name} on {names}   run {run}   operator {operator}   {now:%H:%M:%SZ}"])
        if programs := dict.fromkeys(program for host in hosts for program in host.read_with):
            self.noticed(f"the inventory was read with {' and '.join(programs)}")
        if self._several and self._live is not None:
            self._live.open(len(hosts))

    @override
    def progress(self, host: Host, text: str) -> None:
        if not self._several or host.name in self._over:
            self.noticed(f"{self._prefix(host.name)}{text}")
        elif self._live is not None:
            self._live.working(host.name, clean(text))

    @override
    def noticed(self, text: str) -> None:
        with self._alone():
            self._err.write(f"{'':{MARGIN}}... {clean(text)}\n")
            self._err.flush()

    @override
    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        if self._several:
            self._before[host.name] = before
        else:
            self._block("BEFORE", host.name, survey_lines(before))

    @override
    def waits(self, host: Host) -> None:
        if self._live is not None:
            self._live.waiting(host.name)

    @override
    def stepped(self, host: Host, position: int, total: int, step: StepOutcome) -> None:
        self._told.add(host.name)
        self._tell_before(host.name)
        self._block("DO" if position == 1 else "", host.name, step_lines(position, total, step))

    @override
    def finished(self, host: Host, outcome: HostOutcome) -> None:
        self._over.add(host.name)
        if self._several and self._live is not None:
            self._live.ended(host.name, outcome.verdict)
        if self._several and host.name not in self._told and (line := brief_line(outcome, self._hints)) is not None:
            self._before.pop(host.name, None)
            counted = outcome.verdict is RunVerdict.HEALTHY and self._live is not None and self._live.crowded
            self._say([] if counted else [line])
            return
        self._tell_before(host.name)
        self._rest(outcome, told=host.name in self._told)
        self._told.discard(host.name)

    @override
    def unrecorded(self, why: str) -> None:
        with self._alone():
            if self._hints.recorded:
                said = f"{clean(why)}; keep what is printed here, runs.show does not have it"
                self._err.write(f"warning: this run is not recorded: {said}\n")
                self._err.flush()
            self._hints = self._hints._replace(recorded=False)

    @override
    def ended(self, report: Report) -> None:
        if self._live is not None:
            self._live.close()
        if self._several:
            counted = Counter(host.verdict for host in report.hosts)
            told = ", ".join(f"{count} {HEADLINES[verdict]}" for verdict, count in counted.items())
            self._say(
                [
                    f"{len(report.hosts)} hosts: {told}   touched: {report.touched.value}",
                    *left_alone_lines(report.hosts, self._hints),
                ]
            )

    @contextmanager
    def still(self) -> Iterator[None]:
        """Print nothing of its own while a person is asked."""
        if self._live is None:
            yield
            return
        with self._live.above():
            yield

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
            self._block("AFTER", outcome.name, [*survey_lines(outcome.after), *proof_lines(outcome)])
        self._verdict(outcome)

    def _tell_before(self, name: str) -> None:
        if name in self._before:
            self._block("BEFORE", name, survey_lines(self._before.pop(name)))

    def _verdict(self, outcome: HostOutcome) -> None:
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
            with self._alone():
                self._out.write("".join(f"{line.rstrip()}\n" for line in lines))
                self._out.flush()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Print without another thread or the table."""
        with self._lock, self.still():
            yield
