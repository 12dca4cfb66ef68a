"""Answers to the runbook's chapters 5 to 7, line by line."""

from typing import Final

from remediate.runbook import Trace, of_section, traced

_TOLD: Final = ("incident.declare", "incident.update", "template status.public")
_OVER: Final = ("incident.resolve", "template resolution.public")
_CALLED: Final = ("setting escalation", "incident.watch", "incident.escalate")
_REACHED: Final = ("setting contacts", "setting channels", "incident.escalate")

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

TOLD: Final[tuple[tuple[str, Trace], ...]] = (*_COMMUNICATION, *_ESCALATION, *_AFTER)
"""All of them, each with its section."""
