"""Check queue health (8.2): is the queue worked off, or does it grow."""

from remediate.maintenance.item import Finding, Item, Seen
from remediate.maintenance.occasion import Occasion


class QueueHealth(Item):
    """Whether jobs are worked off: what waits, what failed, and both against the last look."""

    name = "queue-health"
    title = "Check queue health"
    occasion = Occasion.DAILY
    owner = "On-call"

    def judge(self, seen: Seen) -> Finding:
        """See Item."""
        raise NotImplementedError
