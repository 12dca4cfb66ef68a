"""Fixtures: a staging host per worker, the command line, and an independent second channel.

No test trusts a run's own claims. testinfra asks the host through the container engine, and `Staged.outside` asks the
site through its published port.
"""

import fcntl
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from socket import create_connection
from typing import IO, Any

import hypothesis
import jsonschema
import pytest
import sqlalchemy
import testinfra
import yaml

from remediate.commands.privileges import script_of
from remediate.commands.staging import declared_faults
from remediate.core.outcome import HostOutcome, Report, StepOutcome
from remediate.engine.fleet import select
from remediate.errors import RemediateError
from remediate.project.project import Project
from remediate.rehearsal.staging import StagingHost, down, up
from remediate.remedies.catalogue import remedies
from support.postgresql import NotInstalled, server

# The duration of an example depends on the machine's other load: two workers on two cores make a fast one slow.
hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")

# In the background or under nohup some signals are ignored. Every program started here would inherit that, and a shell
# could not even trap them. An empty handler ignores them as well, but is not inherited.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

TIMEOUT = 180
CONTAINER_TIMEOUT = 900
"""Seconds for one test with its fixtures, including the image's build. A busy machine takes a fraction of it."""

CHECKOUT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
FPM = "php8.2-fpm"
DOMAIN = "staging.example.com"
APP = "/home/forge/agency-platform"
SECRETS = ("DB_PASSWORD", "REDIS_PASSWORD", "APP_KEY", "STRIPE_WEBHOOK_SECRET")

_PREPARE = """
mkdir -p /root/pristine
printf 'LogLevel VERBOSE\\n' > /etc/ssh/sshd_config.d/00-counted.conf
systemctl reload ssh
rm -rf /root/pristine/etc
cp -a /etc /root/pristine/etc
cp -a /home/forge/.bashrc /root/pristine/bashrc
rm -rf /root/pristine/remediate
cp -a /opt/remediate /root/pristine/remediate
cp -a /var/log/php8.2-fpm.log /root/pristine/php8.2-fpm.log
"""
"""Once per container: log every command that sshd starts, and copy what tests may damage."""

_RESTORE = f"""set -u
for name in sshd timeout sh sleep; do pkill -KILL -u forge -x $name; done
rm -rf /opt/remediate
cp -a /root/pristine/remediate /opt/remediate
pkill -KILL -u root -x flock
chown -R forge:forge {APP}/storage {APP}/bootstrap/cache
chmod -R u+rwX {APP}/storage {APP}/bootstrap/cache
rm -f {APP}/storage/framework/down /var/log/nginx/fill
cp -a /root/pristine/bashrc /home/forge/.bashrc
[ ! -L /var/log/{FPM}.log ] || {{ rm -f /var/log/{FPM}.log; cp -a /root/pristine/{FPM}.log /var/log/; }}
[ ! -L /var/log/nginx/access.log ] || {{ rm -f /var/log/nginx/access.log; nginx -s reopen; }}
again=
if ls -d /run/systemd/system/*.service.d > /dev/null 2>&1; then
    rm -rf /run/systemd/system/*.service.d
    systemctl daemon-reload
    again=php
fi
spoilt() {{
    diff -rq --no-dereference -x hosts -x hostname -x resolv.conf -x mtab -x '*-' -x .pwd.lock /root/pristine/etc /etc
}}
if [ -n "$(spoilt 2>&1)" ]; then
    for part in nginx php supervisor sudoers.d ssh pam.d security systemd environment localtime passwd shadow; do
        rm -rf /etc/$part
        cp -a /root/pristine/etc/$part /etc/$part
    done
    systemctl daemon-reload
    systemctl restart ssh
    again="$again nginx"
fi
systemctl reset-failed
[ -S /run/php/{FPM}.sock ] || again="$again php"
systemctl stop php8.1-fpm
case $again in *php*) systemctl restart {FPM} ;; esac
systemctl start ssh redis-server mariadb {FPM} nginx supervisor
case $again in *nginx*) systemctl reload nginx ;; esac
i=0
until [ "$(curl -s -o /dev/null -w '%{{http_code}}' -m 5 --connect-to ::127.0.0.1: https://{DOMAIN}/health)" = 200 ]
do i=$((i+1)); [ $i -lt 30 ] || exit 9; sleep 0.2; done
written=$(stat -c %Y {APP}/bootstrap/cache/config.php)
for p in $(pgrep -u forge -f 'artisan queue:work'); do
    [ $(($(date +%s) - $(ps -o etimes= -p $p))) -gt "$written" ] || old=1
done
[ -z "${{old:-}}" ] || supervisorctl restart 'agency-worker:*' > /dev/null
until [ "$(supervisorctl status | grep -c RUNNING)" = 2 ]; do i=$((i+1)); [ $i -lt 60 ] || exit 8; sleep 0.2; done
[ -z "$(spoilt 2>&1)" ] || {{ spoilt; exit 7; }}
"""
"""Before each test: undo the previous one's changes. It exits with 0 only when the host is as it was made."""

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


@dataclass(frozen=True)
class Ended:
    """A finished command: its exit code and the output of each stream."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str
    schema: Mapping[str, object] = field(repr=False)

    @property
    def report(self) -> Report:
        """The document on stdout, valid against the schema."""
        jsonschema.validate(json.loads(self.out), dict(self.schema))
        report = Report.model_validate_json(self.out)
        assert report.exit_code == self.code
        return report

    @property
    def host(self) -> HostOutcome:
        """The outcome of the only host."""
        (host,) = self.report.hosts
        return host

    def step(self, kind: str = "php-fpm.restart") -> StepOutcome:
        """Return the decision about one remedy on the only host."""
        (step,) = (step for step in self.host.steps if step.remedy == kind)
        return step

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """Every command that changed the only host, or would have."""
        return [command.argv for step in self.host.steps for command in step.commands]

    def note(self, label: str) -> str:
        """Return the first survey's words about one thing."""
        return next(reading.note for reading in self.host.before if reading.label == label)

    def is_(self, verdict: str, code: int, touched: str = "no") -> HostOutcome:
        """Assert verdict, exit code and `touched`, and return the only host's outcome."""
        assert self.code == code, f"{self.argv}\n{self.err}"
        host = self.host
        assert (host.verdict.value, host.touched.value) == (verdict, touched), self.err
        assert self.report.touched.value == touched
        return host

    def refused(self, code: str) -> HostOutcome:
        """Assert that nothing was changed because of this refusal code."""
        host = self.is_("refused", 3)
        assert host.error is not None
        assert host.error.code == code, self.err
        assert "nothing was changed" in self.err
        return host

    def usage(self, *words: str) -> None:
        """Assert a usage error, reported in one line with these words."""
        assert self.code == 2, f"{self.argv}: {self.code}\n{self.out}{self.err}"
        (line,) = self.err.splitlines()
        assert "Traceback" not in line
        for word in words:
            assert word in line


class Running:
    """A command that still runs."""

    def __init__(self, cli: "Cli", argv: tuple[str, ...], process: subprocess.Popen[str]) -> None:
        self.cli = cli
        self.argv = argv
        self.process = process
        self.seen = ""

    def until(self, text: str, seconds: float = 40) -> None:
        """Read stderr until it says `text`."""
        stderr = _stream(self.process.stderr)
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            line = stderr.readline()
            assert line, f"ended before it said {text!r}: {self.seen}"
            assert time.monotonic() < deadline, f"never said {text!r}: {self.seen}"
            self.seen += line

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, seconds: float = 120) -> Ended:
        """Wait until it ends."""
        out, err = self.process.communicate(timeout=seconds)
        return self.cli.ended(self.argv, self.process.returncode, out, self.seen + err)


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


class Cli:
    """Calls the programs as operators and scripts do, with a separate home and journal."""

    def __init__(self, staged: "Staged", home: Path, schema: Mapping[str, object]) -> None:
        self.staged = staged
        self.home = home
        self.schema = schema
        self._started: list[subprocess.Popen[str]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "REMEDIATE_STATE_DIR": str(self.home / "state"),
            "PYTHONWARNINGS": "default",
        }

    def start(self, *argv: str, cwd: Path = CHECKOUT, environment: Mapping[str, str] | None = None) -> Running:
        """Start a command, which is killed if it outlives the test."""
        process = subprocess.Popen(
            (str(BIN / argv[0]), *argv[1:]),
            cwd=cwd,
            env=environment or self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._started.append(process)
        return Running(self, argv, process)

    def __call__(self, *argv: str, cwd: Path = CHECKOUT, environment: Mapping[str, str] | None = None) -> Ended:
        """Run a command to its end."""
        return self.start(*argv, cwd=cwd, environment=environment).end()

    def start_fix(self, *flags: str, hold: float | None = 3, inventory: Path | None = None) -> Running:
        """Start `fix.app-down --json` on the staging host, with the narrative on stderr."""
        held = () if hold is None else ("--hold", f"{hold:g}")
        target = ("--host", self.staged.name, "--inventory", str(inventory or self.staged.inventory))
        return self.start("invoke", "fix.app-down", *target, "--json", *held, *flags)

    def fix(self, *flags: str, hold: float | None = 3, inventory: Path | None = None) -> Ended:
        """Run `fix.app-down --json` on the staging host."""
        return self.start_fix(*flags, hold=hold, inventory=inventory).end()

    def check(self, *flags: str, inventory: Path | None = None) -> Ended:
        """Run `check.app-down --json` on the staging host."""
        target = ("--host", self.staged.name, "--inventory", str(inventory or self.staged.inventory))
        return self("invoke", "check.app-down", *target, "--json", "--hold", "0", *flags)

    def ended(self, argv: tuple[str, ...], code: int, out: str, err: str) -> Ended:
        """Return the result after checking that it shows no secret and no crash."""
        for name, secret in self.staged.secrets.items():
            assert secret not in out + err, f"{argv} prints {name}"
        assert "Traceback" not in err, err
        assert "\x1b" not in out + err
        return Ended(argv, code, out, err, self.schema)

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


class Stage:
    """The staging host of one test worker, which is replaced when it cannot be restored."""

    def __init__(self, name: str, inventory: Path) -> None:
        self.name = name
        self.inventory = inventory
        self.host = self._up(fresh=True)

    def clean(self) -> StagingHost:
        """Return the host as it was made."""
        try:
            done = self.host.exec(("/bin/bash", "-s"), _RESTORE, 60)
            if done.returncode != 0:
                sys.stderr.write(f"{self.name} is replaced: {done.stdout}{done.stderr}\n")
                self.host = self._up(fresh=True)
        except RemediateError as error:
            sys.stderr.write(f"{self.name} is replaced: {error}\n")
            self.host = self._up(fresh=True)
        return self.host

    def _up(self, *, fresh: bool) -> StagingHost:
        def installation(name: str) -> str:
            (host,) = select(name, self.inventory / f"{name}.yml")
            return script_of(host, Project(CHECKOUT))

        try:
            host = up(
                self.name,
                directory=CHECKOUT / ".staging",
                inventory=self.inventory,
                installation=installation,
                fresh=fresh,
            )
        except RemediateError as error:
            pytest.fail(str(error), pytrace=False)
        host.script(_PREPARE)
        return host


class Staged:
    """The staging host in a test.

    It is broken and observed through the engine, never through remediate's own link.
    """

    def __init__(self, host: StagingHost, directory: Path) -> None:
        self.host = host
        self.name = host.name
        self.infra: Any = testinfra.get_host(f"{host.engine.machine.engine}://{host.container}")
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
        """Run a bash script as root."""
        return self.host.script(script, timeout)

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

    def wait_for(self, value: str, *states: str, unit: str = FPM, seconds: float = 30) -> None:
        """Wait until a property of a unit has one of these values."""
        self.sh(
            f"for i in $(seq {seconds * 20:.0f}); do case $(systemctl show -P {value} {unit}) in"
            f" {'|'.join(states)}) exit 0;; esac; sleep 0.05; done; exit 1",
            seconds + 20,
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

    def starts(self, unit: str = FPM) -> int:
        """Return how often systemd began to start a unit since `mark`."""
        return sum(line.startswith(f"Starting {unit}.service ") for line in self.journal())

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
        return int(self.infra.run(f"curl {form} https://{DOMAIN}{path}").stdout)

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


@contextmanager
def _slot() -> Iterator[str]:
    """Take a name that no other test worker of this checkout has, in any run.

    A host that an earlier run left behind is replaced.
    """
    directory = CHECKOUT / ".staging"
    directory.mkdir(mode=0o700, exist_ok=True)
    for number in range(100):
        with (directory / f"test-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"staging-test-{number}"
            return
    pytest.fail("a hundred test workers are at it already", pytrace=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test a deadline; a late test fails with the stacks of its threads."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            container = item.get_closest_marker("container") is not None
            item.add_marker(pytest.mark.timeout(CONTAINER_TIMEOUT if container else TIMEOUT))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Make SIGINT raise KeyboardInterrupt, as in the foreground."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The staging host of this test worker, for the whole session."""
    with _slot() as name:
        try:
            yield Stage(name, tmp_path_factory.mktemp("inventories"))
        finally:
            try:
                down(name, directory=CHECKOUT / ".staging")
            except RemediateError as error:  # without an engine there is nothing to remove, which has been reported
                sys.stderr.write(f"{error}\n")


@pytest.fixture(scope="session")
def schema() -> Mapping[str, object]:
    """The committed JSON schema of reports."""
    return dict(json.loads((CHECKOUT / "docs/schemas/report.json").read_text()))


@pytest.fixture
def staged(stage: Stage, tmp_path: Path) -> Staged:
    """The staging host, as it was made."""
    return Staged(stage.clean(), tmp_path)


@pytest.fixture
def cli(staged: Staged, tmp_path: Path, schema: Mapping[str, object]) -> Iterator[Cli]:
    """The command line, with a home and a journal of this test."""
    home = tmp_path / "home"
    home.mkdir()
    cli = Cli(staged, home, schema)
    yield cli
    cli.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this test session."""
    try:
        with server() as url:
            yield url
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.sqlite3"
    server_url: str = request.getfixturevalue("postgresql")
    name = f"t{abs(hash(request.node.nodeid)):x}"
    engine = sqlalchemy.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server_url.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="module")
def hurry() -> Iterator[None]:
    """Settle at once and wait briefly for transitions. A scripted host needs no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remediate.engine.transitions.PATIENCE", 0.6)
        for remedy in remedies().values():
            patch.setattr(remedy.model_fields["settle"], "default", 0)
            remedy.model_rebuild(force=True)
        yield
    for remedy in remedies().values():
        remedy.model_rebuild(force=True)
