"""The remedy that frees the space of old journal files."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven, Remedy, Verification
from remediate.core.verdict import RefusalCode, Verdict, proceed, skip
from remediate.probes.filesystems import DiskSpace
from remediate.probes.journald import JournalFiles
from remediate.probes.systemd import JOURNALCTL


class VacuumJournal(Remedy):
    """Delete old journal files on a full disk, keeping the newest `keep_mib` MiB (runbook 4.5).

    journald deletes whole archived files, oldest first, and never the one that it writes to. Done only when the journal
    takes more than twice what is kept.
    """

    kind: Literal["journal.vacuum"] = "journal.vacuum"
    subject = "journal"
    keep_mib: int = Field(default=256, ge=16, le=65536, description="MiB of the journal to keep")
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")

    refusals: ClassVar[tuple[RefusalCode, ...]] = ()

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return {"keep_mib": host.settings.limits.journal_mib, "limit": host.settings.limits.disk}

    @property
    def _room(self) -> DiskSpace:
        return DiskSpace(limit=self.limit)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._room, JournalFiles())

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (JournalFiles(),)

    @override
    def guard(self, facts: Facts) -> Verdict:
        room = facts[self._room]
        if not room.full:
            return skip(f"no disk is full: {room.describe()}")
        journal = facts[JournalFiles()]
        if room.at(journal.mount) not in room.full:
            return skip("the journal is on no disk that is full")
        if journal.size_kib <= self.keep_mib * 2048:
            return skip(f"the journal takes {journal.size_kib // 1024} MiB only")
        return proceed(f"{room.of(journal.mount).describe()}: the journal takes {journal.size_kib // 1024} MiB of it")

    @override
    def changes(self) -> tuple[Run, ...]:
        return (Run.of(JOURNALCTL, f"--vacuum-size={self.keep_mib}M", user=ROOT, seconds=60),)

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require that the journal is smaller and that df shows the space."""
        was, now = before[JournalFiles()], after[JournalFiles()]
        freed = was.size_kib - now.size_kib
        if freed < was.size_kib // 10 or before.output(JournalFiles()).stdout == after.output(JournalFiles()).stdout:
            return NotYet(reason=f"the journal still takes {now.size_kib // 1024} MiB")
        then, later = before[self._room].of(was.mount), after[self._room].of(was.mount)
        if later.percent >= self.limit and later.available_kib - then.available_kib < freed // 2:
            return NotYet(reason=f"{later.describe()}: df does not show the space yet")
        return Proven(
            evidence=f"the journal gave back {freed // 1024} MiB, {was.mount} went from {then.percent} % "
            f"to {later.percent} %"
        )
