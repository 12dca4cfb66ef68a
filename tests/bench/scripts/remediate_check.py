"""Ask hosts with the library: three units, and a page. Usage: remediate_check.py INVENTORY URL."""

import sys
from pathlib import Path

import remediate
from remediate.probes.http import Site
from remediate.probes.systemd import Unit

inventory, url = sys.argv[1:]


@remediate.playbook(
    severity=remediate.Severity.SEV1,
    symptoms=lambda _: (
        Unit(name="php8.2-fpm"),
        Unit(name="nginx"),
        Unit(name="supervisor"),
        Site(url=url, asked_from=remediate.Vantage.HOST),
    ),
)
def serving(host):
    """Say whether the site is served."""
    return ()


report = remediate.run(serving, "servers", inventory=Path(inventory), options=remediate.Options(plan=True))
for host in report.hosts:
    sys.stdout.write(f"{host.name} {' '.join(str(each.ok) for each in host.before)}\n")
sys.exit(report.exit_code)
