"""Questions and facts for the tests of supervisor's remedies."""

from remediate.core.command import ROOT, Run
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.supervisor import OrphanWorkers
from remediate.probes.systemd import Unit
from remediate.remedies.supervisor import RestartSupervisor

DAEMON = RestartSupervisor()
UNIT, ORPHANS = Unit(name="supervisor"), OrphanWorkers()
Known = dict[Probe[Fact], Fact | Unreadable]

RESTART = Run.of("/usr/bin/systemctl", "restart", "supervisor.service", user=ROOT, seconds=100)
