"""Causes of high load that need more of a host than a table: one disk at two places, a unit of root's that grew."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Final

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.core.playbook import HostPlan
from remediate.core.probe import Fact, Probe
from remediate.engine.context import Context
from remediate.engine.host_runner import HostRunner
from remediate.engine.reporter import NullReporter
from remediate.errors import Unreadable
from remediate.playbooks.high_load import high_load
from remediate.probes.filesystems import DiskSpace
from remediate.probes.machine import MachineIdentity, ThisMachine
from remediate.probes.processes import UnitUsage
from remediate.probes.systemd import Unit
from remediate.remedies.logs import ShortenLogs
from remediate.remedies.process import too_much
from remediate.remedies.unit import RestartUnit
from remediate.testing import MemoryRecorder, PaperHost, play
from support import examples as ex
from support import load_examples as exl
from support.incidents import host
from support.load_incidents import CALM
from support.outcomes import problem
from support.scripted import Changes, FactSession

# -- one disk, mounted at two places -----------------------------------------------------------------------------------

DISK: Final = """
set -e
cd "$1"; mkdir -p nginx app/storage
mount -t tmpfs -o size=32m,mode=755 tmpfs nginx
mkdir -p nginx/app/logs; mount --bind nginx/app app/storage
dd if=/dev/zero of=app/storage/logs/laravel.log bs=1M count=40 status=none 2>/dev/null || true
echo ready
exec sleep 300
"""
"""A disk at the place of nginx's logs and at the application's storage/, full of its laravel.log."""


@pytest.fixture
def namespace(place: Path) -> Iterator[int]:
    """Mount it where no other process of this machine sees it; yield the process that keeps it."""
    if os.geteuid() != 0 or subprocess.run(("unshare", "-m", "true"), check=False, capture_output=True).returncode:
        pytest.skip("only root may mount")
    keeper = subprocess.Popen(("unshare", "-m", "sh", "-c", DISK, "sh", str(place)), stdout=subprocess.PIPE, text=True)
    try:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == "ready\n"
        yield keeper.pid
    finally:
        keeper.kill()
        keeper.communicate()


class Nobody:
    """A controller that is asked nothing here."""

    def ask(self, probes: Sequence[Probe[Fact]]) -> Mapping[Probe[Fact], Output | Unreadable]:
        assert not probes
        return {}


class OfTheDisk:
    """The part of high-load about disks and logs: this machine's processes are not this test's."""

    name, severity, discovers = high_load.name, None, False

    def __call__(self, host: Host) -> HostPlan:
        whole = high_load(host)
        rooms = tuple(probe for probe in whole.symptoms if isinstance(probe, DiskSpace))
        logs = tuple(remedy for remedy in whole.remedies if isinstance(remedy, ShortenLogs))
        return HostPlan(symptoms=rooms, diagnosis=(), remedies=logs)


def test_a_log_on_a_disk_that_is_mounted_at_two_places_is_shortened(
    namespace: int, place: Path, tmp_path: Path
) -> None:
    log = f"{place}/app/storage/logs/laravel.log"
    settings = Settings.model_validate({"log_paths": [log], "app_user": "root"})
    web1 = Host(name="web1", ssh=SshTarget(address="192.0.2.1", user="root"), settings=settings)
    inside = ("nsenter", "-t", str(namespace), "-m", "/bin/sh")

    def size() -> int:
        stat = subprocess.run((*inside, "-c", f"stat -c %s {log}"), check=True, capture_output=True)
        return int(stat.stdout)

    assert size() > 30 * 1024**2
    with PaperHost(tmp_path, user="root", login=inside) as paper:
        paper.program("lsof", exit_status=1)
        paper.program("getent", stdout=f"root:x:0:0::{paper.home}:/bin/sh\n")
        context = Context(
            lambda _: paper.session(), Nobody(), MemoryRecorder(), NullReporter(), Event(), ("tester", "run-0")
        )
        run = HostRunner(web1, OfTheDisk(), Options(hold=0, yes=True), context)
        try:
            outcome = run.examine() or run.mend()
        finally:
            run.close()
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    (before,) = (each for each in outcome.before if each.probe == "disk.room")
    assert f"{place}/nginx (also {place}/app/storage) 100 %" in before.note
    assert size() == 0
    (kept,) = paper.home.glob("remediate-sample-laravel.log*")
    assert kept.stat().st_size == 1024**2


# -- a unit of root's that takes too much memory -----------------------------------------------------------------------

AGENT = Unit(name="sync-agent")
OURS = host(restartable_units=["sync-agent"], worker_program=None)
USAGE = too_much(OURS)
GREW = UnitUsage(unit="sync-agent.service", memory_kib=5_000_000)
ANEW = ex.started_again(ex.RUNNING)
GROWN: dict[str, Changes] = {
    "all of it together": {USAGE: exl.busy(units=(GREW,))},
    "one process": {
        USAGE: exl.busy(exl.process(user="root", unit=GREW.unit, cpu=0, excess="memory", memory_kib=5_000_000))
    },
}
STATE: Changes = {
    **CALM,
    AGENT: ex.RUNNING,
    ThisMachine(): MachineIdentity(machine_id="a", boot_id="b", uptime=9_000.0),
}


def restarted(grown: Changes, *effects: Changes, on: Host = OURS) -> tuple[HostOutcome, list[Run]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remediate.engine.transitions.PATIENCE", 0.3)
        (seen,) = grown.values()
        session = FactSession({**STATE, too_much(on): seen}, *effects)
        return play(high_load, session, host=on), session.ran


@pytest.mark.parametrize("name", GROWN)
def test_a_unit_of_roots_that_the_inventory_lists_is_restarted(name: str) -> None:
    outcome, ran = restarted(GROWN[name], {AGENT: ANEW, USAGE: exl.USAGE})
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert ran == [Run.of("/usr/bin/systemctl", "restart", "sync-agent.service", user=ROOT, seconds=100)]
    (step,) = (each for each in outcome.steps if each.changed)
    assert step.evidence.startswith("sync-agent was restarted and does not run away")


def test_one_that_has_as_much_again_is_not_mended() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RestartUnit.model_fields["settle"], "default", 0)
        RestartUnit.model_rebuild(force=True)
        outcome, _ = restarted(GROWN["all of it together"], {AGENT: ANEW})
    RestartUnit.model_rebuild(force=True)
    assert outcome.verdict is RunVerdict.NOT_FIXED
    assert "restarted, and busy again: sync-agent.service has 4882 MiB of 24105 MiB" in problem(outcome).message


def test_one_that_it_does_not_list_is_nobodys_of_ours() -> None:
    outcome, ran = restarted(GROWN["one process"], on=host(restartable_units=["sync"], worker_program=None))
    assert (ran, outcome.error and outcome.error.code) == ([], "unit-process")
