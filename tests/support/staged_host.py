"""The staging host of a test, broken and observed through the container engine.

No test trusts a run's own claims. testinfra asks the host through the container engine, and `Staged.outside` asks the
site through its published port.
"""

import ssl
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from socket import create_connection
from typing import Any

import yaml

from remediate.commands.staging import declared_faults
from remediate.engine.fleet import select
from remediate.project.project import Project
from remediate.rehearsal.observation import infra_of
from remediate.rehearsal.staging import StagingHost

CHECKOUT = Path(__file__).parents[2]
FPM = "php8.2-fpm"
DOMAIN = "staging.example.com"
APP = "/home/forge/agency-platform"
SECRETS = ("DB_PASSWORD", "REDIS_PASSWORD", "APP_KEY", "STRIPE_WEBHOOK_SECRET")

LEFT_BY_TEST = "LEFT_BY_TEST"
"""Variable in the environment of what a test started by hand."""

_BYSTANDERS = """
systemctl show --type=service --state=active '*' -p Id,InvocationID,ActiveEnterTimestampMonotonic,MainPID
echo ==
find /etc/nginx /etc/php /etc/supervisor -type f -exec sha256sum {} +
sha256sum /home/forge/agency-platform/.env /home/forge/agency-platform/bootstrap/cache/config.php
echo ==
echo "workers $(pgrep -fc 'artisan queue:work')"
echo "payments $(mariadb -N -e 'SELECT COUNT(*) FROM agency.payments')"
"""

_OF_A_LOGIN = ("user@", "user-runtime-dir@")
"""Units that come and go with every SSH login."""


class Staged:
    """The staging host in a test.

    It is broken and observed through the engine, never through remediate's own link.
    """

    def __init__(self, host: StagingHost, directory: Path) -> None:
        self.host = host
        self.name = host.name
        self.infra: Any = infra_of(host)
        self.inventory = host.placement.inventory / f"{host.name}.yml"
        self.faults = declared_faults(select(host.name, self.inventory)[0], Project(CHECKOUT))
        self._directory = directory
        env = self.sh(f"cat {APP}/.env").splitlines()
        pairs = dict(line.split("=", 1) for line in env if "=" in line)
        self.secrets = {name: pairs[name].strip('"') for name in SECRETS}
        self.cursor = ""
        self.mark()

    # -- breaking ------------------------------------------------------------------------------------------------

    def sh(self, script: str, timeout: float = 60) -> str:
        """Run a bash script as root. What it leaves in the background ends before the next test."""
        return self.host.script(f"export {LEFT_BY_TEST}=1\n{script}", timeout)

    def spoil(self, fault: str) -> None:
        """Inject one of the stock faults."""
        self.faults[fault].inject(self.host)
        self.mark()

    def misdirect(self, edit: str, status: int) -> None:
        """Edit the site's vhost with sed, then wait until nginx answers with this status.

        A reload returns before it has an effect.
        """
        self.sh(f"sed -i '{edit}' /etc/nginx/sites-available/agency-platform; nginx -s reload")
        deadline = time.monotonic() + 10
        while {self.inside(), self.outside()} != {status}:
            assert time.monotonic() < deadline, f"nginx does not answer {status}"

    def slow_start(self, seconds: float) -> None:
        """Make every start of PHP-FPM take that many seconds."""
        self.drop_in(f"[Service]\nExecStartPre=/bin/sleep {seconds:g}\n")

    def drop_in(self, text: str) -> None:
        """Change PHP-FPM's unit until the next test."""
        self.sh(
            f"mkdir -p /run/systemd/system/{FPM}.service.d\n"
            f"cat > /run/systemd/system/{FPM}.service.d/test.conf <<'UNIT'\n{text}UNIT\nsystemctl daemon-reload"
        )

    def inventory_with(
        self, *, without: Sequence[str] = (), ssh: Mapping[str, object] | None = None, **settings: object
    ) -> Path:
        """Write another inventory of this host, with some settings changed or left out."""
        group = yaml.safe_load(self.inventory.read_text())["staging"]["vars"]
        own = yaml.safe_load(self.host.placement.variables.read_text())
        remediate = {**group["remediate"], **own["remediate"], **settings}
        variables = {**own, **(ssh or {}), "remediate": {k: v for k, v in remediate.items() if k not in without}}
        path = self._directory / "inventory" / "own.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"staging": {"hosts": {self.name: variables}}}))
        return path

    # -- looking -------------------------------------------------------------------------------------------------

    def unit(self, name: str = FPM, value: str = "InvocationID") -> str:
        """Return one property of a unit, through testinfra."""
        return str(self.infra.check_output(f"systemctl show -P {value} {name}"))

    def wait_for(self, state: str, unit: str = FPM) -> None:
        """Wait for a unit's state, such as `active`."""
        self.sh(
            f'for i in $(seq 600); do [ "$(systemctl show -P ActiveState {unit})" = {state} ] && exit; sleep .05; done;'
            " exit 1",
            50,
        )

    def settled(self, seconds: float = 4) -> None:
        """Wait until PHP-FPM, nginx and the site have been up for that long."""
        self.sh(
            f'for unit in {FPM} nginx; do until python3 -c "import sys,time; sys.exit(time.monotonic() - {seconds} <'
            ' $(systemctl show -P ActiveEnterTimestampMonotonic $unit) / 1e6)"; do sleep 0.1; done; done'
        )

    def mark(self) -> None:
        """Start counting again from now on."""
        self.cursor = self.sh(
            "journalctl --sync; journalctl -q -n 1 --show-cursor | sed -n 's/^-- cursor: //p'"
        ).strip()

    def journal(self) -> list[str]:
        """Return the host's journal since `mark`.

        It uses no filter: with one, journalctl omits the first matching entry unless the cursor's own entry matches
        too.
        """
        return self.sh(f"journalctl --sync; journalctl -q -o cat --after-cursor='{self.cursor}'").splitlines()

    def execs(self) -> int:
        """Return how many commands sshd started since `mark`."""
        return sum(line.startswith("Starting session: command for forge") for line in self.journal())

    def logins(self) -> int:
        """Return how many logins sshd accepted since `mark`."""
        return sum(line.startswith("Accepted publickey ") for line in self.journal())

    def starts(self) -> int:
        """Return how often systemd began to start PHP-FPM since `mark`."""
        return sum(line.startswith(f"Starting {FPM}.service ") for line in self.journal())

    def outside(self, path: str = "/") -> int | None:
        """Return the site's status through its published port; None without an answer."""
        context = ssl.create_default_context(cafile=str(self.host.ca))
        connection = HTTPSConnection(DOMAIN, timeout=10)
        try:
            plain = create_connection(("127.0.0.1", self.host.ports.https), timeout=10)
            connection.sock = context.wrap_socket(plain, server_hostname=DOMAIN)
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        assert response.status != 200 or path != "/" or b"Agency Platform" in body
        return response.status

    def inside(self, path: str = "/") -> int:
        """Return the site's status on the host itself."""
        form = "-s -o /dev/null -w '%{http_code}' --connect-to ::127.0.0.1:"
        # curl writes 000 where nobody answers. That it fails then is no fault of the engine's, which would be told.
        return int(self.infra.check_output(f"curl {form} https://{DOMAIN}{path} || true"))

    def serves(self) -> None:
        """Assert that the site is right, from outside and on the host."""
        assert self.infra.service(FPM).is_running
        assert self.infra.socket(f"unix:///run/php/{FPM}.sock").is_listening
        assert [self.outside(), self.outside("/health"), self.inside(), self.inside("/health")] == [200] * 4

    def bystanders(self, *but: str) -> dict[str, str]:
        """Return everything that a run must leave alone; units named in `but` may change."""
        units, files, counts = self.sh(_BYSTANDERS).split("==\n")
        found = {path: digest for digest, path in (line.split(maxsplit=1) for line in files.splitlines())}
        for line in counts.splitlines():
            what, _, count = line.partition(" ")
            found[what] = count
        for block in units.strip().split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines())
            name = values.pop("Id").removesuffix(".service")
            if not name.startswith(_OF_A_LOGIN) and name not in but:
                found[name] = " ".join(f"{key}={value}" for key, value in sorted(values.items()))
        assert {"mariadb", "redis-server", "supervisor", "workers", "payments"} <= found.keys()
        return found
