"""Versions of the journal's tables."""

from typing import Final

HEAD: Final = "0010_requesters"
"""The version of these tables."""
UPGRADED: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "0006_reminders": (("runs", "process"), ("runs", "given"), ("steps", "basis")),
    "0007_orphans": (),
    "0008_alerts": (),
    "0009_approvals": (("proposals", "also_asked"),),
}
"""The columns that each of these versions lacks, beside whole tables. Opening such a journal upgrades it."""
EARLIER: Final = ("0001_runs_and_steps", "0002_incidents", "0003_messages", "0004_projects", "0005_maintenance")
"""Versions from before the first release, which only developers have."""
