"""Rendering of host output about load and disks."""

import json
import os
from collections.abc import Iterable
from typing import Final

from remediate.core.command import Output
from remediate.core.probe import Fact, Probe
from remediate.probes.consumers import Consumer, ConsumerList
from remediate.probes.disk_writers import DiskWriter, DiskWriterList
from remediate.probes.files import LogFileList, LogFiles
from remediate.probes.filesystems import DiskSpaceState, FileSystem
from remediate.probes.journald import JournalUse
from remediate.probes.load import MachineLoad, QueryList
from remediate.probes.open_files import LogWriters, OpenFile, OpenFiles
from remediate.probes.php import MARKER
from remediate.probes.processes import Process, Usage

_APPENDING: Final = "0x88401;0x0"
_WRITING: Final = "0x88001;0x0"
_NO_INODES: Final = "-"


def of_load(probe: Probe[Fact], fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    match fact:
        case Usage():
            return _usage(fact)
        case MachineLoad():
            return Output(stdout=_load(fact))
        case QueryList():
            return Output(stdout=f"\n{MARKER}{json.dumps(fact.model_dump(mode='json'))}\n")
        case JournalUse(mount=""):
            return Output(stdout="none\n")
        case JournalUse():
            return Output(stdout=f"files {fact.files}\non {fact.mount}\n", stderr=f"size {fact.size_kib}\n")
        case _:
            return _of_disks(probe, fact)


def _of_disks(probe: Probe[Fact], fact: Fact) -> Output | None:
    match fact:
        case DiskSpaceState():
            told = "".join(("Used Avail Use% Inodes IFree IUse% Mounted on\n", *_df(fact.systems), *_mounts(fact)))
            return Output(stdout=told, stderr=fact.trouble, exit=1 if fact.trouble else 0)
        case ConsumerList():
            return Output(stdout="".join((*map(_consumer, fact.consumers), *_looked(fact))))
        case DiskWriterList():
            return Output(stdout="".join(map(_writer, fact.writers)))
        case LogFileList() if isinstance(probe, LogFiles):
            return _files(probe, fact)
        case OpenFiles():
            flags = isinstance(probe, LogWriters)
            return Output(stdout="".join(_open(each, flags=flags) for each in fact.files), exit=0 if fact.files else 1)
        case _:
            return None


def _usage(fact: Usage) -> Output:
    who = [f"{each.identity} {each.excess} {each.user} {each.unit or '-'} {each.name}" for each in fact.culprits]
    who += [f"unit {each.unit}" for each in fact.units]
    much = [_process(each) for each in fact.processes]
    much += [f"U {each.unit} {each.memory_kib}" for each in fact.units]
    counts = (fact.cores, fact.cpu, fact.memory_kib, fact.total_kib, fact.count)
    much.append(f"T {fact.interval:.2f} {' '.join(map(str, counts))}")
    return Output(stdout="".join(f"{line}\n" for line in who), stderr="".join(f"{line}\n" for line in much))


def _process(each: Process) -> str:
    numbers = (each.pid, each.started, each.age, each.cpu, each.wanted, each.rests, each.memory_kib)
    words = (each.user, each.unit or "-", each.name, each.parent, each.excess or "-", each.arguments)
    return " ".join(map(str, ("P", *numbers, *words)))


def _load(fact: MachineLoad) -> str:
    lines = (
        f"loadavg {fact.load[0]:.2f} {fact.load[1]:.2f} {fact.load[2]:.2f} 1/231 218",
        f"cores {fact.cores}",
        f"container {'podman' if fact.container else 'none'}",
        f"MemTotal:       {fact.total_kib} kB",
        f"MemAvailable:   {fact.available_kib} kB",
        f"SwapTotal:      {fact.swap_kib} kB",
        f"SwapFree:       {fact.swap_free_kib} kB",
    )
    return "".join(f"{line}\n" for line in lines)


def _df(systems: Iterable[FileSystem]) -> Iterable[str]:
    for each in systems:
        inodes = _NO_INODES if each.inodes_percent is None else f"{each.inodes_percent}%"
        yield f"{each.used_kib} {each.available_kib} {each.percent}% 1000 990 {inodes} {each.mount}\n"


def _mounts(fact: DiskSpaceState) -> Iterable[str]:
    known = [each for each in fact.systems if each.device is not None]
    places = ((each.device, place) for each in known for place in (each.mount, *each.also))
    told = (f"{os.major(device)}:{os.minor(device)} {place}\n" for device, place in places if device is not None)
    return ("\n", *told) if known else ()


def _consumer(each: Consumer) -> str:
    return f"i {each.files} 50:4 {each.path}\n" if each.files else f"{each.size_kib} 50:4 {each.path}\n"


def _looked(fact: ConsumerList) -> Iterable[str]:
    yield from (f"on {place}\n" for place in fact.places)
    if fact.closed:
        yield f"closed {fact.closed} {fact.such_as}\n"
    if fact.late:
        yield "late\n"


def _writer(each: DiskWriter) -> str:
    state = "deleted" if each.deleted else "there"
    words = (each.pid, each.parent, each.unit or "-", each.user, each.name, state, each.held_kib, each.grown_kib)
    return f"{' '.join(map(str, words))} {each.path}\n"


def _files(probe: LogFiles, fact: LogFileList) -> Output:
    there = {each.path: each for each in fact.files}
    what: list[str] = []
    much: list[str] = []
    for number, path in enumerate(probe.paths):
        if (file := there.get(path)) is None:
            what.append(f"{number} {'unseen' if path in fact.unseen else 'missing'}")
            continue
        full, big = "full" if file.on_full else "roomy", "big" if file.big else "small"
        words = (file.kind, file.device, file.inode, file.links, file.owner, full, big)
        trust = "safe" if file.safe_folder else "loose"
        what.append(" ".join(map(str, (number, *words, trust, file.mount))))
        much.append(f"{number} {file.size} {file.held_kib}")
    return Output(stdout="".join(f"{line}\n" for line in what), stderr="".join(f"{line}\n" for line in much))


def _open(each: OpenFile, *, flags: bool) -> str:
    how = [f"G{_APPENDING if each.appends else _WRITING}"] if flags else []
    size = [] if flags else [f"s{each.size}"]
    name = each.path if flags else f"{each.path} (deleted)"
    lines = (f"p{each.pid}", f"c{each.command}", f"L{each.user}", "f4", *how, f"D0x{each.device:x}", *size)
    return "".join(f"{line}\n" for line in (*lines, f"i{each.inode}", f"n{name}"))
