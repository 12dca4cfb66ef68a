"""What answers the runbook's chapters around the fix (1 to 3, 5 to 7), its links and its change log, line by line."""

from typing import Final

from remediate.runbook import Trace, of_section, traced

_GRADED: Final = ("triage", "incident.declare")
_DECLARED: Final = ("incident.declare", "template declaration.internal")
_TOLD: Final = ("incident.declare", "incident.update", "template status.public")
_OVER: Final = ("incident.resolve", "template resolution.public")
_CALLED: Final = ("setting escalation", "incident.watch", "incident.escalate")
_REACHED: Final = ("setting contacts", "setting channels", "incident.escalate")

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

_COMMUNICATION: Final = (
    *of_section(
        "5.1",
        traced(
            "Update every 30 minutes (SEV-1/2) or hourly (SEV-3):",
            by=("setting updates", "incident.watch", "incident.update"),
            how="The watch says when one is due; a person says what is in it.",
        ),
        traced(
            "[TIME] Incident Update",
            "- Status: [Investigating/Identified/Monitoring/Resolved]",
            "- Current state: [What's happening]",
            "- Actions taken: [What we've done]",
            "- Next steps: [What we're doing next]",
            "- ETA: [When we expect resolution]",
            by=("incident.update", "template update.internal"),
            how="Filled in from the runs as far as they know. Resolved is said by `incident.resolve` alone, which "
            "looks first whether it is.",
        ),
    ),
    *of_section(
        "5.2",
        traced(
            "For SEV-1/SEV-2 affecting customers:",
            by=("incident.declare", "incident.update", "incident.resolve"),
            how="Every SEV-1 and SEV-2, unless it was declared with `--internal-only`.",
        ),
        traced(
            "[Investigating] Payment Processing Degraded",
            by=(*_TOLD, "setting status_page"),
            how="Under the incident's own title, so give it one that customers may read.",
        ),
        traced(
            "We are investigating issues with payment processing.",
            by=_TOLD,
            how="A sentence about the status; `--public` says it in words of one's own.",
        ),
        traced("Some customers may experience delays.", by=_TOLD, how="The impact, as it was declared."),
        traced(
            "We will provide an update within 30 minutes.",
            by=(*_TOLD, "setting updates"),
            how="As soon as the severity has it.",
        ),
        traced(
            "[Resolved] Payment Processing Restored",
            by=_OVER,
            how="Under the same title as before: whoever follows the page has to find it again.",
        ),
        traced(
            "The issue affecting payment processing has been resolved.",
            "All payments are now processing normally.",
            by=_OVER,
            how="One sentence; `--public` says it in words of one's own.",
        ),
        traced("Duration: 45 minutes", by=_OVER, how="From the first alert on."),
        traced("Impact: Delayed payment confirmations", by=_OVER),
    ),
)

_ESCALATION: Final = (
    *of_section(
        "6.1",
        traced(
            "SEV-1 not resolved in 30 min | Tech Lead",
            by=_CALLED,
            how="Counted from the first alert. The watch says whom to call; nobody is called unasked.",
        ),
        traced(
            "Data breach suspected | Security + Legal",
            "Infrastructure provider issue | DevOps + Vendor",
            by=(*_CALLED, "event situation"),
            how="At once, when a person says that it is one (`--breach`, `--provider`): no check can tell.",
        ),
        traced(
            "Customer-facing impact > 1 hour | Product + Support",
            by=_CALLED,
            how="Counted from the first alert, in every severity, unless it was declared with `--internal-only`.",
        ),
    ),
    *of_section(
        "6.2",
        traced(
            "On-Call | [Rotation] | [Rotation] | PagerDuty",
            by=_REACHED,
            how="A rotation from a file or iCalendar says who is on duty; who backs them up is a name. The method is "
            "shown to whoever calls; a message goes by a channel of apprise's, which knows PagerDuty. No row of "
            "6.1 calls this role in: `--to on-call` does.",
        ),
        traced(
            "Tech Lead | [Name] | [Name] | Phone/Slack",
            "DevOps | [Name] | [Name] | Slack",
            "Security | [Name] | [Name] | Phone",
            by=_REACHED,
            how="The names are the team's to set. The method is shown to whoever calls; a message goes by the role's "
            "channel, else by those for persons. By phone a person calls.",
        ),
    ),
)

_AFTER: Final = (
    *of_section(
        "7.1",
        traced(
            "Confirm services restored",
            by=("incident.resolve", "event resolved"),
            how="By running the checks of the playbooks that were used; with a doubt it stays open, unless "
            "`--override` says why it is over.",
        ),
        traced('Update status page to "Resolved"', by=_OVER),
        traced(
            "Notify stakeholders",
            by=("incident.resolve", "template resolution.internal"),
            how="In every channel that takes what is internal. Who was called in by a channel of their own is told by "
            "a person.",
        ),
        traced(
            "Document timeline",
            by=("incident.timeline", "incident.note"),
            how="It has written itself; what nobody typed meanwhile can be noted afterwards.",
        ),
        traced(
            "Schedule post-mortem (SEV-1/2)",
            by=("incident.resolve", "setting postmortem_days", "incident.watch"),
            how="In the morning two working days later, or `--postmortem-at`; announced when it comes, in nobody's "
            "calendar.",
        ),
    ),
    *of_section(
        "7.2",
        traced(
            "# Post-Mortem: [Incident Title]",
            "**Date:** YYYY-MM-DD",
            "**Duration:** X hours Y minutes",
            "**Severity:** SEV-X",
            by="incident.postmortem",
        ),
        traced(
            "**Author:** [Name]", by="incident.postmortem", how="The commander, until somebody writes another name."
        ),
        traced("## Summary", "Brief description of what happened.", by="incident.postmortem"),
        traced("## Timeline", by=("incident.postmortem", "incident.timeline")),
        traced(
            "- HH:MM - First alert received",
            "- HH:MM - Incident declared",
            by=("incident.postmortem", "event declared"),
        ),
        traced(
            "- HH:MM - Root cause identified",
            by=("incident.postmortem", "event identified", "event run"),
            how="As a person says it, else the first run that found one.",
        ),
        traced(
            "- HH:MM - Fix deployed",
            by=("incident.postmortem", "event run"),
            how="A run that changed something and proved the fix.",
        ),
        traced("- HH:MM - Incident resolved", by=("incident.postmortem", "event resolved")),
        traced(
            "## Root Cause",
            "What actually caused the incident.",
            by=("incident.postmortem", "incident.identify"),
            how="As a person says it; without that the candidates which the runs found, called so.",
        ),
        traced("## Impact", by="incident.postmortem"),
        traced(
            "- Users affected: X",
            "- Revenue impact: $X",
            "- Data loss: None/Description",
            by=("incident.postmortem", "incident.declare"),
            how="The answers of 3.2. How many, how much and which is for a person to write: no record knows.",
        ),
        traced("## What Went Well", "## What Went Wrong", by="incident.postmortem"),
        traced(
            *("- Quick detection", "- Effective communication", "- Delayed escalation", "- Missing monitoring"),
            by="incident.postmortem",
            how="Only what follows from the record: who noticed it, whether it was claimed, told and escalated in "
            "time, what the runs came to.",
        ),
        traced(
            "## Action Items",
            "| Action | Owner | Due Date |",
            "| Add monitoring for X | @name | YYYY-MM-DD |",
            "| Update runbook for Y | @name | YYYY-MM-DD |",
            by="incident.postmortem",
            how="Suggested from what was refused, slow, late or unexplained. The runbook is the playbooks: what none "
            "of them explained is to be taught to one.",
        ),
        traced(
            "## Lessons Learned",
            "Key takeaways for preventing similar incidents.",
            by="incident.postmortem",
            how="How long each step took; what to make of that is left open for people.",
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

TRACES: Final[tuple[tuple[str, Trace], ...]] = (*_PROCESS, *_COMMUNICATION, *_ESCALATION, *_AFTER, *_AROUND)
"""All of them, each with its section."""
