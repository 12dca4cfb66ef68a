"""One site with PHP-FPM as the engine sees it: well, broken, mended."""

from remediate.core.command import ROOT, Run
from remediate.core.options import Options
from remediate.core.playbook import HostPlan
from remediate.core.vantage import Vantage
from remediate.probes.http import Site
from remediate.probes.machine import MachineIdentity
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import SYSTEMCTL, Unit
from support import examples as ex
from support.scripted import Changes
from support.toys import RestartFpm

HERE = Site(url="https://example.com/", asked_from=Vantage.HOST)
THERE = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
FPM, CONFIG, NGINX = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2"), Unit(name="nginx")


REMEDY = RestartFpm(php="php8.2", settle=0)
HOST_PLAN = HostPlan(symptoms=(HERE, THERE), diagnosis=(NGINX,), remedies=(REMEDY,))
RESTART = Run.of(SYSTEMCTL, "restart", "php8.2-fpm.service", user=ROOT, seconds=100)

UP: Changes = {HERE: ex.page(), THERE: ex.page()}
DOWN: Changes = {HERE: ex.page(502), THERE: ex.page(502)}
REST: Changes = {CONFIG: ex.SOUND, NGINX: ex.RUNNING}
HEALTHY: Changes = {**UP, **REST, FPM: ex.RUNNING}
BROKEN: Changes = {**DOWN, **REST, FPM: ex.FAILED}
AGAIN = ex.started_again(ex.FAILED)
MENDED: Changes = {**UP, FPM: AGAIN}
TINY = Options(hold=0.05, yes=True)


def young(seconds: float) -> MachineIdentity:
    return MachineIdentity(machine_id="m", boot_id="b", uptime=2340.64891 + seconds)
