"""Answers to the runbook's chapter on prevention (8), line by line."""

from typing import Final

from remediate.runbook import Trace, of_section, traced


def _by(command: str, item: str, *more: str) -> tuple[str, ...]:
    """A command, the item of it that is about this line, and what that is set by."""
    return (command, f"item {item}", *more)


_ALERTING: Final = "Whether it is there and answers, not whether it is any good: no alert is sent to try it out."

TRACES: Final[tuple[tuple[str, Trace], ...]] = (
    *of_section(
        "8.1",
        traced(
            "[ ] Uptime monitoring configured",
            by=_by("prevent.checklist", "uptime", "monitoring uptime"),
            how=_ALERTING,
        ),
        traced(
            "[ ] Error tracking active (Flare)",
            by=_by("prevent.checklist", "error-tracking", "monitoring error_tracking"),
            how="Whether the application has the client and a key, and the service answers. No exception is reported "
            "to try it out.",
        ),
        traced(
            "[ ] Database monitoring enabled",
            by=_by("prevent.checklist", "database-monitoring", "monitoring database"),
            how=_ALERTING,
        ),
        traced(
            "[ ] Queue monitoring active",
            by=_by("prevent.checklist", "queue-monitoring", "monitoring queue"),
            how=_ALERTING,
        ),
        traced(
            "[ ] Disk space alerts set", by=_by("prevent.checklist", "disk-alerts", "monitoring disk"), how=_ALERTING
        ),
        traced(
            "[ ] SSL expiry alerts set",
            by=_by("prevent.checklist", "certificate-alerts", "monitoring certificate"),
            how=_ALERTING,
        ),
    ),
    *of_section(
        "8.2",
        traced(
            "Review error logs | Daily | On-call",
            by=_by("maintain.daily", "error-logs", "setting owners"),
            how="By class, the new ones first, against the last look. What an error means is for a person to say.",
        ),
        traced("Check queue health | Daily | On-call", by=_by("maintain.daily", "queue-health", "setting owners")),
        traced(
            "Database backup verify | Weekly | DevOps",
            by=_by("maintain.weekly", "backup", "setting owners"),
            how="By restoring it into a database of its own, on a host that is not production.",
        ),
        traced(
            "Security patches | Weekly | DevOps",
            by=_by("maintain.weekly", "security-patches", "setting owners"),
            how="Those that wait are named; installing them is for a person, or for unattended-upgrades.",
        ),
        traced(
            "Capacity planning | Monthly | Tech Lead",
            by=_by("maintain.monthly", "capacity", "setting owners"),
            how="Of disks, in bytes and inodes: when they will be full, from numbers that every look keeps. What to "
            "order is for a person to plan.",
        ),
        traced(
            "Runbook review | Quarterly | Team",
            by=_by("maintain.quarterly", "runbook-review", "setting owners", "docs.build"),
            how="Which playbooks are not rehearsed as they are, failed or were never used; and no line of the runbook "
            "is without an answer, or these pages are not built. Reading it is for the team.",
        ),
    ),
)
"""All of them, each with its section."""
