"""What answers the runbook's chapter on prevention (8), line by line."""

from typing import Final

from remediate.runbook import Trace, of_section, traced

_ALERTING: Final = "Whether it is there and answers, not whether it is any good: no alert is sent to try it out."

TRACES: Final[tuple[tuple[str, Trace], ...]] = (
    *of_section(
        "8.1",
        traced(
            "[ ] Uptime monitoring configured",
            by=("prevent.checklist", "monitoring uptime"),
            how=_ALERTING,
        ),
        traced(
            "[ ] Error tracking active (Flare)",
            by=("prevent.checklist", "monitoring error_tracking"),
            how="Whether the application has the client and a key, and the service answers. No exception is reported "
            "to try it out.",
        ),
        traced(
            "[ ] Database monitoring enabled",
            by=("prevent.checklist", "monitoring database"),
            how=_ALERTING,
        ),
        traced(
            "[ ] Queue monitoring active",
            by=("prevent.checklist", "monitoring queue"),
            how=_ALERTING,
        ),
        traced("[ ] Disk space alerts set", by=("prevent.checklist", "monitoring disk"), how=_ALERTING),
        traced("[ ] SSL expiry alerts set", by=("prevent.checklist", "monitoring certificate"), how=_ALERTING),
    ),
    *of_section(
        "8.2",
        traced(
            "Review error logs | Daily | On-call",
            by=("maintain.daily", "setting owners"),
            how="By class, the new ones first, against the last look. What an error means is for a person to say.",
        ),
        traced("Check queue health | Daily | On-call", by=("maintain.daily", "setting owners")),
        traced(
            "Database backup verify | Weekly | DevOps",
            by=("maintain.weekly", "setting owners"),
            how="By restoring it into a database of its own, on a host that is not production.",
        ),
        traced(
            "Security patches | Weekly | DevOps",
            by=("maintain.weekly", "setting owners"),
            how="Those that wait are named; installing them is for a person, or for unattended-upgrades.",
        ),
        traced(
            "Capacity planning | Monthly | Tech Lead",
            by=("maintain.monthly", "item capacity", "setting owners"),
            how="Of disks, in bytes and inodes: when they will be full, from numbers that every look keeps. What to "
            "order is for a person to plan.",
        ),
        traced(
            "Runbook review | Quarterly | Team",
            by=("maintain.quarterly", "item runbook-review", "setting owners", "docs.build"),
            how="Which playbooks are not rehearsed as they are, failed or were never used; and no line of the runbook "
            "is without an answer, or these pages are not built. Reading it is for the team.",
        ),
    ),
)
"""All of them, each with its section."""
