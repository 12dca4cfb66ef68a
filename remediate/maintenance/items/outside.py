"""Proof of an external monitor: its visits in the access log, or its own page."""

from remediate.core.facts import Facts
from remediate.core.monitoring import Endpoint, Visits
from remediate.core.vantage import Vantage
from remediate.maintenance.partial_finding import Part
from remediate.probes.page import Page
from remediate.probes.visits import MonitorVisits

_AHEAD = -2.0
"""Limit, in minutes, of a log line that is ahead of the clock.

The log is read a moment after the clock.
"""


def visits_probe(visits: Visits) -> MonitorVisits:
    """Return the probe for a monitor's last visit."""
    return MonitorVisits(log=visits.log, agent=visits.agent)


def judge_visits(visits: Visits, facts: Facts) -> Part:
    """Return the part about the last visit. Raises Unreadable.

    A yes needs a visit that is recent by the host's own clock.
    """
    seen = facts[visits_probe(visits)]
    who, minutes = f"somebody calling itself {visits.agent}", seen.minutes
    advice = (f"look whether {visits.agent} still watches this site, and whether its visits are in {visits.log}",)
    if minutes is None and not seen.whole:
        return Part(None, f"no visit of {who} in the last 16 MiB of {visits.log}, which may be less than is asked for")
    if minutes is None and (seen.reach is None or seen.reach <= visits.within_minutes):
        begins = "is empty" if seen.reach is None else f"begins {max(0.0, seen.reach):.0f} min ago"
        advice = (f"look again in {visits.within_minutes} min, or let the SSH user read {visits.log}.1 as well",)
        return Part(None, f"no visit of {who} in {visits.log}, which {begins}: was it rotated?", advice=advice)
    if minutes is None:
        return Part(False, f"no visit of {who} in {visits.log}", advice=advice)
    if minutes < _AHEAD:
        return Part(None, f"the last visit of {who} is {-minutes:.0f} min in the future: which clock is right?")
    if minutes > visits.within_minutes:
        says = f"{who} visited {minutes:.0f} min ago for the last time, {visits.within_minutes} min are allowed"
        return Part(False, says, advice=advice)
    return Part(
        True,
        f"{who} visited {max(0.0, minutes):.0f} min ago and was answered {seen.status}",
        evidence=("not proven: anybody can call itself so, and whom it would tell is not known here",),
    )


def endpoint_page(endpoint: Endpoint) -> Page:
    """Return the probe for a monitoring service's page."""
    return Page(url=str(endpoint.url), asked_from=Vantage.CONTROLLER, contains=endpoint.contains, token=endpoint.token)


def judge_endpoint(endpoint: Endpoint, facts: Facts) -> Part:
    """Return the part about the monitoring service's page. Raises Unreadable.

    An answer that is neither a yes nor a no says nothing about what is monitored.
    """
    page = endpoint_page(endpoint)
    answer = facts[page]
    if answer.ok:
        return Part(True, f"{page.url} answers 200 and holds {endpoint.contains!r}")
    if answer.status == 200 and answer.failure is None:
        advice = (f"set it up there, or correct what its page should hold ({endpoint.contains!r})",)
        return Part(False, f"{page.url} does not hold {endpoint.contains!r}", advice=advice)
    refused = answer.status in {401, 403}
    advice = ("look whether its token is still valid",) if refused else ("look whether its address is right",)
    return Part(None, f"{page.url} says neither yes nor no: {answer.describe()}", advice=advice)
