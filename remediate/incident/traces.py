"""Answers to the runbook's chapters 1 to 3, its links and its change log."""

from typing import Final

from remediate.incident.traces_told import TOLD
from remediate.runbook import Trace, of_section, traced

_GRADED: Final = ("triage", "incident.declare")
_DECLARED: Final = ("incident.declare", "template declaration.internal")

_PROCESS: Final = (
    *of_section(
        "1.1",
        traced(
            "SEV-1 | Service down, data loss | < 15 min | Complete outage, payment failures",
            "SEV-2 | Major feature broken | < 1 hour | Login broken, invoicing down",
            "SEV-3 | Minor feature impacted | < 4 hours | Slow performance, UI bugs",
            by=("triage", "incident.declare", "setting respond", "incident.acknowledge", "incident.watch"),
            how="The severity follows from the questions of 3.2, or is given. The response time runs from the first "
            "alert until somebody claims it; the watch announces when it is over, and the post-mortem says so.",
        ),
        traced(
            "SEV-4 | Cosmetic/low impact | < 24 hours | Typos, minor styling",
            by=("incident.declare", "setting respond", "incident.acknowledge", "incident.watch"),
            how="Only by `--severity`: no answer to the questions of 3.2 leads to it.",
        ),
    ),
    *of_section(
        "2.1",
        traced(
            "Monitoring Alerts - Flare, uptime monitoring",
            by=("incident.declare", "event declared", "link error_tracking"),
            how="Written down, not detected: `--detected monitoring`, `--source` for which alert, `--first-alert` for "
            "when. Flare and the uptime monitoring stay what they are.",
        ),
        traced(
            "User Reports - Support tickets, direct contact",
            "Internal Discovery - Team members notice issues",
            by=("incident.declare", "event declared"),
            how="`--detected user` or `internal`, with `--source` and `--first-alert`.",
        ),
    ),
    *of_section(
        "2.2",
        traced(
            "Detection → Triage → Containment → Resolution → Post-Mortem",
            by=("incident.declare", "triage", "incident.contain", "incident.resolve", "incident.postmortem"),
            how="Triage comes first where a host can be asked: the declaration begins with what it saw.",
        ),
        traced(
            "Alert Severity Stop harm Fix issue Learn &",
            "fires assigned spreading root cause improve",
            by=(
                "event declared",
                "triage",
                "incident.contain",
                "fix.app-down",
                "incident.identify",
                "incident.postmortem",
            ),
            how="Of the six `fix.*` commands that of the incident. What stops the harm from spreading is done by a "
            "person or by a command like `do.cache.fallback`; it is noted apart from the fix, and the post-mortem "
            "asks to undo it or to make it permanent.",
        ),
    ),
    *of_section(
        "3.1",
        traced(
            "Acknowledge - Claim the incident",
            by=("incident.declare", "incident.acknowledge"),
            how="Whoever declares it has claimed it: one command less to type. With `--unclaimed` somebody else does.",
        ),
        traced("Assess - Determine severity and impact", by=("triage", "incident.declare", "incident.update")),
        traced(
            "Communicate - Update status page/Slack",
            by=("incident.declare", "incident.update", "setting channels", "setting status_page"),
            how="Shown first; sent with `--send`, by a yes, or with `send = true`. The page is one of our own or "
            "Statuspage's, Slack is reached through apprise.",
        ),
        traced(
            "Escalate - If SEV-1 or SEV-2",
            by=("incident.escalate", "setting escalation", "incident.watch"),
            how="Not every SEV-1 or SEV-2 at once: when and to whom is said by the matrix of 6.1, which for a SEV-2 "
            "is after an hour that customers notice, and at once for a breach or the provider. `--to` calls "
            "anybody in before that.",
        ),
    ),
    *of_section(
        "3.2",
        traced(
            "Service accessible? | No | Partial | Yes",
            by=_GRADED,
            how="Seen from the site, unless a person answers. The worst of the four answers counts.",
        ),
        traced("Data at risk? | Yes | No | No", by=_GRADED, how="Only a person knows: `--data`."),
        traced(
            "Revenue impacted? | Yes | Maybe | No",
            "Users affected? | All | Many | Few",
            by=_GRADED,
            how="Taken for the worst when the site cannot be used at all, else asked.",
        ),
    ),
    *of_section(
        "3.3",
        traced(
            "# In Slack #incidents channel",
            by=("incident.declare", "setting channels"),
            how="In every channel that takes what is internal; of Slack's, which one stands in its URL.",
        ),
        traced(
            "@here SEV-2 Incident Declared: [Brief description]",
            by=_DECLARED,
            how="As a text: apprise escapes what it is given, so `@here` is shown in Slack and wakes nobody. Who has "
            "to be woken is called in by `incident.escalate`.",
        ),
        traced("- Impact: [Who/what is affected]", "- Status: Investigating", by=_DECLARED),
        traced(
            "- Commander: @username",
            by=_DECLARED,
            how="The name, without a sign that would mention somebody else who is called so.",
        ),
        traced(
            "- Timeline: [Start time]",
            by=_DECLARED,
            how="When it was first noticed, in local time and UTC.",
        ),
    ),
)

_AROUND: Final = (
    *of_section(
        "Links",
        traced(
            "[Deployment Runbook](./runbook-deployment.md)",
            "[ADR-0016: Error Monitoring](../03-decisions/adr-0016-error-monitoring-logging.md)",
            by=("setting links", "incident.declare"),
            how="Another document of the team's, and nothing of it is done here. Whoever declares an incident is "
            "shown it, once the settings say where it is.",
        ),
        traced(
            "[Flare Dashboard](https://flareapp.io/)",
            by=("link error_tracking", "setting links", "incident.declare"),
            how="A link to it, shown to whoever declares an incident; nothing here reads it.",
        ),
        traced(
            "[DigitalOcean Status](https://status.digitalocean.com/)",
            by=("setting links", "incident.declare"),
            how="A link to it, shown to whoever declares an incident; that it is the provider's is for a person to "
            "say.",
        ),
    ),
    *of_section(
        "Change Log",
        traced(
            "2025-11-29 | 1.0.0 | Initial incident runbook",
            by=("docs/runbook.md", "docs.build"),
            how="The version that is kept and traced here, word for word. A newer one does not build before its lines "
            "are answered.",
        ),
    ),
)

TRACES: Final[tuple[tuple[str, Trace], ...]] = (*_PROCESS, *TOLD, *_AROUND)
"""All of them, each with its section."""
