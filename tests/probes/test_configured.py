"""A real Laravel host's answers about its configuration, as the probe parses them."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from remediate.core.command import Output
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.configuration import CachedConfig, Configuration, EnvFile, EnvState, EnvValue
from remediate.probes.descendants import ConfigurationOfWorkers, Descendant, Descendants
from remediate.probes.opcache import Opcache
from remediate.testing import SHELLS, installed_shells
from support import examples as ex
from support.stubs import stub
from support.this_machine import command_of

APP = "/home/forge/agency-platform"
CONFIGURATION = Configuration(php="php8.2", path=APP, user="forge")
ENV, CACHED = EnvFile(path=APP, user="forge"), CachedConfig(path=APP, user="forge")
VALUE = EnvValue(php="php8.2", path=APP, user="forge", key="A", value=SecretStr("c4n4ry"))
CHILDREN = Descendants(path=APP, user="forge", unit="supervisor")
OPCACHE = Opcache(php="php8.2")

# -- recorded on the staging host: Laravel 8.83, PHP 8.2 ---------------------------------------------------------------

SOUND = '\nremediate:{"cached":true,"env":"sound","message":"","differs":[],"external":[]}\n'
STALE = '\nremediate:{"cached":true,"env":"sound","message":"","differs":["app.name"],"external":["DB_HOST"]}\n'
BROKEN = (
    '\nremediate:{"cached":true,"env":"broken","message":"'
    '\\/home\\/forge\\/agency-platform\\/.env cannot be parsed, line 4","differs":[],"external":[]}\n'
)
WORKER = f"/usr/bin/php8.2 {APP}/artisan queue:work redis --sleep=1 --tries=3 --timeout=20 "
WORKERS = f"3513 2393222 fresh forge {APP} {WORKER}\n3543 2393239 stale forge {APP} {WORKER}\n"
FPM_CHILDREN = (
    f"89 2343169 stale forge - php-fpm: pool www{' ' * 61}\n5011 2424584 fresh forge - php-fpm: pool www{' ' * 61}\n"
)
FPM = """PHP Version => 8.2.36
PHP Version => 8.2.36
opcache.enable => On => On
opcache.revalidate_freq => 2 => 2
opcache.validate_timestamps => On => On
"""
NO_FILE = f"sha256sum: {APP}/.env: No such file or directory\n"
NO_CACHE = f"stat: cannot statx '{CACHED.label()}': No such file or directory\n"


def test_the_configuration() -> None:
    state = CONFIGURATION.read(Output(stdout=SOUND))
    assert (state, state.ok, state.describe()) == (ex.CONFIGURED, True, "cached, as .env gives it")
    # Whatever the framework prints around it.
    assert CONFIGURATION.read(Output(stdout=f"Deprecated: x in y\n{SOUND}more")) == ex.CONFIGURED
    state = CONFIGURATION.read(Output(stdout=STALE))
    assert (state.differs, state.external, state.ok) == (("app.name",), ("DB_HOST",), False)
    broken = CONFIGURATION.read(Output(stdout=BROKEN))
    assert (broken.env, broken.sound, broken.ok) == (EnvState.BROKEN, False, False)
    assert broken.describe() == f"{APP}/.env cannot be parsed, line 4"
    assert ex.NOT_CACHED.describe() == "not cached: .env is read at every start"


@pytest.mark.parametrize(
    ("prefixes", "about"),
    [
        ((), ("app.name", "database.connections.mysql.password")),
        (("database",), ("database.connections.mysql.password",)),
        (("database.connections.mysql.password",), ("database.connections.mysql.password",)),
        (("data", "app.nam"), ()),
    ],
)
def test_what_differs_below_a_key(prefixes: tuple[str, ...], about: tuple[str, ...]) -> None:
    state = ex.CONFIGURED.model_copy(update={"differs": ("app.name", "database.connections.mysql.password")})
    assert state.about(prefixes) == about


def test_files_by_their_fingerprint() -> None:
    found = ENV.read(Output(stdout=f"{'7b' * 32}  {APP}/.env\n"))
    assert (found.mark, found.written, found.describe()) == ("7b" * 32, None, "there")
    # sha256sum's own way to say that the name has a newline or a backslash in it.
    assert ENV.read(Output(stdout=f"\\{'7b' * 32}  {APP}/.env\n")).mark == "7b" * 32
    assert ENV.read(Output(stderr=NO_FILE, exit=1)) == ex.NO_FILE
    cached = CACHED.read(Output(stdout="16752835 5513 1795444261.614862702"))
    assert (cached.mark, cached.written) == ("16752835 5513 1795444261.614862702", 1795444261.614862702)
    assert CACHED.read(Output(stderr=NO_CACHE, exit=1)) == ex.NO_FILE
    assert ex.NO_FILE.describe() == "missing"
    assert "7b7b" not in repr(found)


def test_opcache() -> None:
    state = OPCACHE.read(Output(stdout=FPM))
    assert (state, state.keeps, state.describe()) == (ex.OPCACHE, False, "notices changed files")
    for said, keeps in (
        (FPM.replace("timestamps => On => On", "timestamps => Off => Off"), True),
        (FPM.replace("freq => 2 => 2", "freq => 30 => 30"), False),
        (FPM.replace("freq => 2 => 2", "freq => 3600 => 3600"), True),
        (FPM.replace("enable => On => On", "enable => Off => Off").replace("freq => 2", "freq => 99"), False),
        ("PHP Version => 8.3.1\n", False),
    ):
        assert OPCACHE.read(Output(stdout=said)).keeps is keeps, said


def test_processes_below_a_daemon() -> None:
    state = CHILDREN.read(Output(stdout=WORKERS))
    assert [(each.identity, each.stale) for each in state.workers(APP)] == [
        ("3513:2393222", False),
        ("3543:2393239", True),
    ]
    assert [each.pid for each in state.stale_workers(APP)] == [3543]
    assert state.describe() == "2, 1 older than the configuration"
    pool = CHILDREN.read(Output(stdout=FPM_CHILDREN))
    assert (pool.workers(APP), [each.pid for each in pool.stale]) == ((), [89])
    assert pool.processes[0].directory == "-"
    assert CHILDREN.read(Output()).describe() == "0"


@pytest.mark.parametrize(
    ("directory", "arguments", "ours"),
    [
        (APP, "php artisan queue:work", True),
        ("/", f"php {APP}/artisan queue:work redis", True),
        ("/", f"sh -c php '{APP}/artisan' horizon", True),
        (APP, "php artisan horizon", True),
        (APP, "php artisan --env=production queue:work", True),
        (APP, "php artisan migrate", False),
        (APP, "php artisan orders:consume", False),
        (APP, "node server.js", False),
        ("/srv/other", "php artisan queue:work", False),
        ("/srv/other", f"php /backup{APP}/artisan queue:work", False),
        ("/srv/other", f"php {APP}-two/artisan queue:work", False),
        ("-", "php artisan queue:work", False),
    ],
)
def test_whose_worker_it_is(directory: str, arguments: str, ours: bool) -> None:
    process = Descendant(pid=1, started=1, stale=True, user="forge", directory=directory, arguments=arguments)
    assert process.works_for(APP) is ours


def test_the_configuration_of_workers_counts_the_commands_of_the_application_itself() -> None:
    probe = ConfigurationOfWorkers(path=APP, user="forge")
    own = f"7 99 stale forge / php {APP}/artisan orders:consume\n"
    state = probe.read(Output(stdout=f"{WORKERS.splitlines()[0]}\n{own}8 99 stale forge / node server.js\n"))
    assert (state.ok, state.describe()) == (False, "1 of 2 workers have an older one")
    assert probe.read(Output(stdout=WORKERS.splitlines()[0])).describe() == "is the one in use"
    none = probe.read(Output())
    assert (none.ok, none.describe()) == (True, "nothing to compare: none of its artisan commands runs")
    unknown = probe.read(Output(stdout="8 99 stale forge / docker exec app php artisan queue:work\n"))
    assert unknown.ok is None
    assert unknown.describe().startswith("unknown: none of the 1 processes below supervisor is known")


@pytest.mark.parametrize(
    ("probe", "output"),
    [
        (CONFIGURATION, Output(exit=255, stderr="PHP Fatal error: c4n4ry is not here")),
        (CONFIGURATION, Output(stdout='remediate:{"cached":true}\n')),
        (CONFIGURATION, Output(stdout=SOUND.replace("sound", "quite sound"))),
        (CONFIGURATION, Output(stdout=SOUND[:40])),
        (CONFIGURATION, Output(stdout="remediate:[]\n")),
        (VALUE, Output(stdout='remediate:{"state":"maybe"}\n')),
        (VALUE, Output()),
        (ENV, Output(exit=1, stderr=f"sha256sum: {APP}/.env: Permission denied")),
        (ENV, Output(stdout="7b  x")),
        (ENV, Output(stdout=f"{'7b' * 32}  x", exit=1, stderr="sha256sum: input/output error")),
        (CACHED, Output(exit=1, stderr="stat: cannot statx: Permission denied")),
        (CACHED, Output(stdout="1 2")),
        (CACHED, Output(stdout="1 2 3.4\n5 6 7.8")),
        (CHILDREN, Output(exit=3, stderr="Failed to connect to bus")),
        (CHILDREN, Output(stdout="1 2 maybe forge / x\n")),
        (CHILDREN, Output(stdout="1 2 stale forge\n")),
        (CHILDREN, Output(stdout="x 2 stale forge / x\n")),
        (OPCACHE, Output(exit=1)),
        (OPCACHE, Output(stdout="opcache.enable => On => On\n")),
        (OPCACHE, Output(stdout=FPM.replace("=> 2 => 2", "=> no value => no value"))),
    ],
    ids=lambda value: value.kind if isinstance(value, Probe) else "",
)
def test_an_answer_to_nothing_is_unreadable(probe: Probe[Fact], output: Output) -> None:
    with pytest.raises(Unreadable):
        probe.read(output)


# -- the list of processes, made by every shell that a host may have --------------------------------------------------


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start something that starts something, in directories as deploy tools make them."""
    for release in ("1", "2"):
        (tmp_path / "releases" / release / "bootstrap" / "cache").mkdir(parents=True)
    for apart in ("other", "elsewhere", "neighbour"):
        (tmp_path / apart).mkdir()
    (tmp_path / "current").symlink_to("releases/2")
    (tmp_path / "alias").symlink_to("current")
    child = "exec -a 'php artisan queue:work' sleep 60"
    named = f"exec -a 'php {tmp_path}/%s/artisan queue:work' sleep 60"
    script = (
        f"cd {tmp_path}/releases/1; ({child}) & cd {tmp_path}/current; ({child}) & cd {tmp_path}/other; ({child}) &"
        f" cd {tmp_path}/elsewhere; ({named % 'alias'}) & cd {tmp_path}/neighbour; ({named % 'other'}) &"
        " echo ready; wait"
    )
    process = subprocess.Popen(("bash", "-c", script), stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    (tmp_path / "bin").mkdir()
    stub(tmp_path / "bin" / "systemctl", f"echo {process.pid}")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(1500):  # each is bash until it has become what it stands for
        began = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children.read_text().split()]
        if [line.startswith(b"php ") for line in began] == [True] * 5:
            break
        time.sleep(0.02)
    yield process
    os.killpg(process.pid, 9)
    process.wait()
    process.stdout.close()


def workers_below(shell: str, app: Path) -> dict[str, tuple[bool, bool]]:
    """Ask for the daemon's workers: by their directory, whether each is the application's, and whether it is stale."""
    probe = Descendants(path=str(app), user="forge", unit="supervisor")
    environment = {**os.environ, "PATH": f"{app.parent}/bin:{os.environ['PATH']}", "LC_ALL": "C"}
    argv = (*SHELLS[shell], *command_of(probe).argv[1:])
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30, check=False)
    state = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    found = (each for each in state.processes if "artisan" in each.arguments)
    return {Path(f"/proc/{each.pid}/cwd").readlink().name: (each.works_for(str(app)), each.stale) for each in found}


@pytest.mark.parametrize("shell", installed_shells())
def test_another_application_beside_a_link_is_no_release_of_it(
    shell: str, daemon: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    (tmp_path / "site").symlink_to("elsewhere")
    (tmp_path / "elsewhere/.env").touch()
    assert [name for name, (ours, _) in workers_below(shell, tmp_path / "site").items() if ours] == []
    (tmp_path / "other/.env").symlink_to(tmp_path / "elsewhere/.env")  # a release shares it
    found = workers_below(shell, tmp_path / "site")
    assert {name for name, (ours, _) in found.items() if ours} == {"other", "neighbour"}


@pytest.mark.parametrize("shell", installed_shells())
def test_workers_of_older_releases_are_found_and_told_from_others(
    shell: str, daemon: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    def listed() -> dict[str, tuple[bool, bool]]:
        return workers_below(shell, tmp_path / "current")

    config = tmp_path / "current" / "bootstrap" / "cache" / "config.php"
    with pytest.raises(Unreadable):  # neither a cached configuration nor an .env
        listed()
    env = tmp_path / "current" / ".env"
    env.touch()
    os.utime(env, (time.time() + 60, time.time() + 60))  # far from the processes' begin, which is known to a tick only
    whose = {"1": True, "2": True, "other": False, "elsewhere": True, "neighbour": False}
    assert listed() == {name: (ours, True) for name, ours in whose.items()}
    config.touch()
    os.utime(config, (time.time() - 3600, time.time() - 3600))
    assert listed() == {name: (ours, False) for name, ours in whose.items()}
    shutil.rmtree(tmp_path / "releases" / "1")
    assert "1 (deleted)" in listed()
    assert daemon.poll() is None
