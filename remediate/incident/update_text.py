"""The text of an update that nobody has written yet, from the runs."""

from remediate.core.few import few
from remediate.incident.record import Incident
from remediate.incident.vocabulary import IncidentStatus


def state_of(incident: Incident) -> str:
    """Return the result of the last run as the present state."""
    if not incident.runs:
        return ""
    last = incident.runs[-1]
    verdict = (
        "is still running, or never ended" if last.verdict is None else f"came out {last.verdict.replace('_', ' ')}"
    )
    serving = (
        f", serving again after {last.serving_again_seconds:g} s" if last.serving_again_seconds is not None else ""
    )
    return f"{last.playbook} on {few(last.hosts)} {verdict}{serving}"


def next_step(status: IncidentStatus) -> str:
    """Return the default next step for a status."""
    return {
        IncidentStatus.INVESTIGATING: "find the cause",
        IncidentStatus.IDENTIFIED: "fix the cause",
        IncidentStatus.MONITORING: "watch whether it holds, then resolve",
        IncidentStatus.RESOLVED: "",
    }[status]
