"""The decisions about alerts as lines for a person."""

from collections.abc import Iterator

from remediate.alerts.alert import AlertStatus
from remediate.alerts.policy import PolicyMode
from remediate.alerts.report import AlertsReport, ReportedAlert
from remediate.inventory.ansible_values import shown
from remediate.report.lines import MARGIN
from remediate.report.wrapping import WIDTH, wrap

_PAD = " " * MARGIN
_SHOWN_ANNOTATIONS = ("summary", "description")


def alert_lines(report: AlertsReport) -> Iterator[str]:
    """Yield the lines about a payload."""
    for each in report.alerts:
        yield from _of_alert(each)
    if report.omitted:
        yield f"unknown {report.omitted} more were left out by the sender: nothing is known of them"
    if report.suppressed:
        yield from _indented(f"suppressed: {_counts(report)}")
    yield f"{_PAD}nothing was started"


def replay_lines(report: AlertsReport) -> Iterator[str]:
    """Yield the lines of a dry run: what would have been done, when."""
    done = [each for each in report.alerts if each.decision.mode is not None]
    for each in done:
        decision = each.decision
        what = f"{_mode(decision.mode)} {decision.action} on {decision.host}"
        what += " with an incident" if decision.incident else ""
        told = f"{each.at:%Y-%m-%d %H:%M:%SZ}  {what}   {_named(each)}: {shown(decision.reason, 400)}"
        yield from wrap(told, WIDTH, "", _PAD)
    number = sum(each.alert.status is AlertStatus.FIRING for each in report.alerts)
    since = f"{report.since:%Y-%m-%d %H:%M:%SZ}" if report.since is not None else "then"
    incidents = sum(each.decision.incident for each in done)
    declared = f", {incidents} of them with an incident, unless one was open about it" if incidents else ""
    yield from wrap(f"{number} alerts since {since}; {len(done)} decisions{declared}", WIDTH, "", _PAD)
    if report.suppressed:
        yield from _indented(f"suppressed: {_counts(report)}")
    yield f"{_PAD}a dry run: nothing was started or recorded"


def _of_alert(each: ReportedAlert) -> Iterator[str]:
    decision = each.decision
    where = f" on {decision.host}" if decision.host else ""
    head = f"{_named(each)}{where}   {each.alert.status.value}   from {each.alert.source}"
    yield from wrap(head, WIDTH, "", _PAD)
    for name in _SHOWN_ANNOTATIONS:
        if text := each.alert.annotations.get(name):
            yield from _indented(f"{name}: {shown(text, 200)}")
    what = f" {decision.action}" if decision.mode is not None else ""
    code = f" ({decision.suppressed_by.value})" if decision.suppressed_by is not None else ""
    yield from _indented(f"{_mode(decision.mode)}{what}{code}: {shown(decision.reason, 800)}")
    if decision.incident:
        yield from _indented("INCIDENT: a service declares one, or lets the alert join the open one")
    if each.command is not None:
        yield f"next    {each.command}"


def _indented(text: str) -> list[str]:
    # Further lines begin elsewhere, so that no text of an alert can look like a decision.
    return wrap(text, WIDTH, _PAD, f"{_PAD}    ")


def _mode(mode: PolicyMode | None) -> str:
    return "NOTHING" if mode is None else mode.value.upper()


def _named(each: ReportedAlert) -> str:
    return shown(each.alert.name, 100)


def _counts(report: AlertsReport) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in report.suppressed.items())
