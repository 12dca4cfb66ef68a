"""Capacity planning (8.2): how full the disks are, and when they will be."""

from remediate.host import Host
from remediate.maintenance.item import Finding, Item, Sample, Seen
from remediate.maintenance.occasion import Occasion
from remediate.playbook import Probes
from remediate.probes.filesystems import Room
from remediate.survey import Facts


def _room(host: Host) -> Room:
    return Room(limit=host.settings.limits.disk)


def measured(host: Host, facts: Facts) -> tuple[Sample, ...]:
    """How full every file system is: kept at every look, judged once a month. Raises Unreadable."""
    return tuple(
        Sample(name=each.mount, value=100 * (1 - each.available_kib / each.size_kib), unit="%")
        for each in facts[_room(host)].systems
        if each.size_kib
    )


class Capacity(Item):
    """When the disks will be full, by how they filled so far."""

    name = "capacity"
    title = "Capacity planning"
    occasion = Occasion.MONTHLY
    owner = "Tech Lead"

    def probes(self, host: Host) -> Probes:
        """See Item."""
        return (_room(host),)

    def judge(self, seen: Seen) -> Finding:
        """See Item."""
        raise NotImplementedError
