"""Ask a host with facts of pyinfra: three units, and a page."""

import sys

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.facts.systemd import SystemdStatus

units = host.get_fact(SystemdStatus, services=["php8.2-fpm", "nginx", "supervisor"])
page = host.get_fact(Command, command=host.data.get("page"))
sys.stdout.write(f"{host.name} {' '.join(str(up) for up in units.values())} {page}\n")
