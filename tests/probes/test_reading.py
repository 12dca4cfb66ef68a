"""Every probe on real and on impossible output: Unreadable, never a crash or a guess."""

import pytest

from remediate.core.command import CurlExit, Output, Run
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.http import Site
from remediate.probes.machine import ThisMachine
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.sudo import Sudo
from remediate.probes.systemd import Unit, UnitLog, full_name
from support import examples as ex

# systemd 252, Debian 12
FPM = """MainPID=1041
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
StateChangeTimestamp=Mon 2026-11-23 08:31:11 UTC
ActiveEnterTimestampMonotonic=2340648910
Job=
InvocationID=01ed8f9b2a0a4c6db04ef50431f9c3f7
"""
NO_SUCH_UNIT = """MainPID=0
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
StateChangeTimestamp=
ActiveEnterTimestampMonotonic=0
Job=
InvocationID=
"""
TARGET = """LoadState=loaded
ActiveState=active
SubState=active
UnitFileState=static
StateChangeTimestamp=Mon 2026-11-23 08:29:44 UTC
ActiveEnterTimestampMonotonic=2253915150
Job=
InvocationID=19ee51aad82140238d64e60e8fd26537
"""
UNIT = Unit(name="php8.2-fpm")


def test_a_running_unit() -> None:
    assert UNIT.read(Output(stdout=FPM)) == ex.RUNNING
    assert ex.RUNNING.describe() == "active"
    assert ex.RUNNING.since == 2340.64891


def test_a_unit_that_does_not_exist() -> None:
    state = UNIT.read(Output(stdout=NO_SUCH_UNIT))
    assert state == ex.MISSING
    assert (state.missing, state.ok, state.since, state.describe()) == (True, False, None, "not installed")


def test_a_unit_without_a_process() -> None:
    state = Unit(name="multi-user.target").read(Output(stdout=TARGET))
    assert state.healthy
    assert state.main_pid == 0


def test_a_unit_killed_by_a_signal_and_started_again() -> None:
    text = FPM.replace("ExecMainCode=0", "ExecMainCode=2").replace("ExecMainStatus=0", "ExecMainStatus=9")
    state = UNIT.read(Output(stdout=text.replace("NRestarts=0", "NRestarts=3")))
    assert state.exit == "signal 9"
    assert state.describe() == "active restarted 3 times by systemd"


def test_a_failed_unit_says_since_when_and_how() -> None:
    assert ex.FAILED.describe() == "failed since 08:31:11Z (exit 255)"
    assert ex.START_LIMIT.describe() == "failed since 08:31:11Z (start-limit-hit)"


def test_a_unit_with_a_job_is_not_healthy() -> None:
    state = UNIT.read(Output(stdout=FPM.replace("Job=", "Job=4711 /org/freedesktop/systemd1/job/4711")))
    assert (state.job, state.healthy, state.changing) == (4711, False, True)


@pytest.mark.parametrize(
    "name", ["LoadState", "ActiveState", "SubState", "UnitFileState", "InvocationID", "ActiveEnterTimestampMonotonic"]
)
def test_a_unit_that_is_told_in_part_is_unreadable(name: str) -> None:
    text = "\n".join(line for line in FPM.splitlines() if not line.startswith(f"{name}="))
    with pytest.raises(Unreadable, match=f"did not tell {name}"):
        UNIT.read(Output(stdout=text))


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("nginx", "nginx.service"),
        ("php8.2-fpm", "php8.2-fpm.service"),
        ("nginx.service", "nginx.service"),
        ("dev.socket", "dev.socket"),
        ("getty@tty1", "getty@tty1.service"),
    ],
)
def test_a_unit_name_is_completed_as_systemctl_does(name: str, full: str) -> None:
    assert full_name(name) == full


# nginx 1.22
NGINX_OK = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n"
NGINX_BAD = """2026/11/23 08:38:30 [emerg] 1920#1920: invalid parameter "bogus" in /tmp/r/a.conf:1
nginx: configuration file /tmp/r/a.conf test failed
"""
NGINX_READ_ONLY = """nginx: [alert] could not open error log file: "/var/x" failed (30: Read-only file system)
2026/11/23 08:38:30 [emerg] 1920#1920: open() "/run/nginx.pid" failed (30: Read-only file system)
"""
NGINX_FULL = '2026/11/23 08:38:30 [emerg] 1#1: mkdir() "/var/lib/nginx/body" failed (28: No space left on device)\n'
NGINX_NO_CERTIFICATE = """2026/11/23 08:38:30 [emerg] 7#7: cannot load certificate "/etc/x.pem": BIO_new_file() failed
nginx: configuration file /etc/nginx/nginx.conf test failed
"""
# php-fpm 8.2
FPM_OK = "[23-Nov-2026 08:38:30] NOTICE: configuration file /etc/php/8.2/fpm/php-fpm.conf test is successful\n"
FPM_BAD = """[23-Nov-2026 08:38:30] ERROR: [/tmp/r/fpm.conf:6] unable to parse value for entry 'pm': invalid
[23-Nov-2026 08:38:30] ERROR: failed to load configuration file '/tmp/r/fpm.conf'
[23-Nov-2026 08:38:30] ERROR: FPM initialization failed
"""
FPM_BAD_POOL = """[23-Nov-2026 08:38:30] ALERT: [pool www] pm.max_children must be a positive value
[23-Nov-2026 08:38:30] ERROR: failed to post process the configuration
[23-Nov-2026 08:38:30] ERROR: FPM initialization failed
"""
FPM_DENIED = """[23-Nov-2026 08:38:30] ERROR: failed to open error_log (/var/log/php8.2-fpm.log): Permission denied (13)
[23-Nov-2026 08:38:30] ERROR: failed to post process the configuration
"""
NGINX, PHP = NginxConfig(), PhpFpmConfig(php="php8.2")


@pytest.mark.parametrize(
    ("probe", "output", "state", "place", "message"),
    [
        (NGINX, Output(stderr=NGINX_OK), ConfigState.SOUND, None, ""),
        (NGINX, Output(stderr=NGINX_BAD, exit=1), ConfigState.BROKEN, ("/tmp/r/a.conf", 1), "invalid parameter"),
        (NGINX, Output(stderr=NGINX_NO_CERTIFICATE, exit=1), ConfigState.BROKEN, None, "cannot load certificate"),
        (NGINX, Output(stderr=NGINX_READ_ONLY, exit=1), ConfigState.UNCHECKED, None, "Read-only"),
        (NGINX, Output(stderr=NGINX_FULL, exit=1), ConfigState.UNCHECKED, None, "No space left"),
        (NGINX, Output(stderr="Segmentation fault", exit=139), ConfigState.UNCHECKED, None, "Segmentation"),
        (NGINX, Output(exit=1), ConfigState.UNCHECKED, None, "no output"),
        (PHP, Output(stderr=FPM_OK), ConfigState.SOUND, None, ""),
        (PHP, Output(stderr=FPM_BAD, exit=78), ConfigState.BROKEN, ("/tmp/r/fpm.conf", 6), "unable to parse"),
        (PHP, Output(stderr=FPM_BAD_POOL, exit=78), ConfigState.BROKEN, None, "pm.max_children"),
        (PHP, Output(stderr=FPM_DENIED, exit=78), ConfigState.UNCHECKED, None, "Permission denied"),
        (PHP, Output(stderr="Killed", exit=139), ConfigState.UNCHECKED, None, "Killed"),
    ],
)
def test_a_configuration_check(
    probe: Probe[ConfigCheck], output: Output, state: ConfigState, place: tuple[str, int] | None, message: str
) -> None:
    check = probe.read(output)
    assert check.state is state
    assert (check.file, check.line) == (place or (None, None))
    assert message in check.message
    assert check.ok is {ConfigState.SOUND: True, ConfigState.BROKEN: False, ConfigState.UNCHECKED: None}[state]


NGINX_TWICE = """nginx: [warn] conflicting server name "shop.example.com" on 0.0.0.0:443, ignored
nginx: [warn] conflicting server name "shop.example.com" on [::]:443, ignored
2026/11/23 08:38:30 [warn] 812#812: conflicting server name "*.b.org" on 127.0.0.1:80, ignored
nginx: [warn] server name "a,b" has suspicious symbols in /etc/nginx/sites-enabled/a:3
nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
nginx: configuration file /etc/nginx/nginx.conf test is successful
"""


def test_a_name_that_nginx_ignores_is_told_though_it_accepts_the_configuration() -> None:
    check = NGINX.read(Output(stderr=NGINX_TWICE))
    assert (check.ok, [str(each) for each in check.conflicts]) == (
        True,
        ["shop.example.com on 0.0.0.0:443", "shop.example.com on [::]:443", "*.b.org on 127.0.0.1:80"],
    )
    told = "shop.example.com on 0.0.0.0:443, shop.example.com on [::]:443 and 1 more"
    assert check.describe() == f"ok, but conflicting server name {told}"
    assert NGINX.read(Output(stderr=NGINX_OK)).conflicts == ()


@pytest.mark.parametrize("probe", [NGINX, PHP, UnitLog(name="nginx")])
def test_a_check_that_sudo_forbids_is_unreadable(probe: Probe[Fact]) -> None:
    with pytest.raises(Unreadable, match="not allowed to run `sudo -n "):
        probe.read(Output(stderr="sudo: a password is required\n", exit=1))


WARNING = "sudo: unable to resolve host web1: Name or service not known\n"


@pytest.mark.parametrize(
    "said",
    [
        "sudo: a password is required",
        "sudo: a terminal is required to read the password; either use the -S option to read from standard input",
        "sudo: no tty present and no askpass program specified",
        "sudo: sorry, you must have a tty to run sudo",
        "sudo: /usr/sbin/nginx: command not found",
        "sudo: unknown user forge\nsudo: error initializing audit plugin sudoers_audit",
        'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.',
        "sudo: account validation failure, is your account locked?",
        "Sorry, user ops is not allowed to execute '/usr/sbin/nginx -t' as root on web1.",
        "Sorry, user ops may not run sudo on web1.",
        "ops is not in the sudoers file.  This incident will be reported.",
    ],
)
def test_what_sudo_says_when_it_runs_nothing(said: str) -> None:
    with pytest.raises(Unreadable, match="not allowed to run `sudo -n /usr/sbin/nginx -t`: ") as caught:
        NGINX.read(Output(stderr=f"{WARNING}{said}\n", exit=1))
    assert said.splitlines()[0] in str(caught.value)
    assert "unable to resolve" not in str(caught.value)


@pytest.mark.parametrize("warning", [WARNING, "sudo: setrlimit(RLIMIT_CORE): Operation not permitted\n"])
def test_a_warning_of_sudo_hides_no_answer(warning: str) -> None:
    assert NGINX.read(Output(stderr=warning + NGINX_BAD, exit=1)).state is ConfigState.BROKEN
    assert NGINX.read(Output(stderr=warning + NGINX_OK)).state is ConfigState.SOUND


@pytest.mark.parametrize("status", [124, 137])
@pytest.mark.parametrize("probe", [NGINX, PHP, UNIT, ThisMachine(), Sudo(), UnitLog(name="nginx")])
def test_a_check_that_took_too_long_is_unreadable(probe: Probe[Fact], status: int) -> None:
    with pytest.raises(Unreadable, match="no answer within"):
        probe.read(Output(exit=status))


@pytest.mark.parametrize("probe", [NGINX, PHP, UNIT, ThisMachine(), Sudo(), UnitLog(name="nginx")])
def test_an_answer_cut_short_is_unreadable(probe: Probe[Fact]) -> None:
    with pytest.raises(Unreadable, match="too long"):
        probe.read(Output(stdout=FPM, cut=True))


def test_the_log_of_a_unit() -> None:
    lines = (
        "2026-11-23T08:31:11+0000 staging systemd[1]: Starting php8.2-fpm.service...\n\n2026-11-23T08:31:11+0000 x\n"
    )
    log = UnitLog(name="php8.2-fpm").read(Output(stdout=lines))
    assert len(log.lines) == 2
    assert log.ok is None
    assert log.describe() == "2026-11-23T08:31:11+0000 x"


def test_which_machine() -> None:
    text = "f47aed963e2247f2a1335176722861cc\nfe25eade-1546-4c1c-a5ec-3cb523227cce\n2779.75 3883.86\n"
    machine = ThisMachine().read(Output(stdout=text))
    assert machine.machine_id == "f47aed963e2247f2a1335176722861cc"
    assert machine.uptime == 2779.75


@pytest.mark.parametrize("text", ["", "a b", "a b c", "one two 3 4 5"])
def test_half_a_machine_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        ThisMachine().read(Output(stdout=text))


# -- a page ------------------------------------------------------------------------------------------------------------

SITE = Site(url="https://example.com/", asked_from=Vantage.HOST, contains="Welcome")


@pytest.mark.parametrize(
    ("output", "ok", "said"),
    [
        (Output(stdout="Welcome", stderr="200 0.012 "), True, "200"),
        (Output(stdout="Sorry", stderr="200 0.012 "), False, "200, but not the right page"),
        (Output(stdout="Welcome", stderr="302 0.012 https://x/login"), False, "302 to https://x/login"),
        (Output(stdout="Welcome", stderr="502 0.012 "), False, "502"),
        (Output(stderr="000 0.001 ", exit=CurlExit.REFUSED), False, "no connection"),
        (Output(stderr="000 10.0 ", exit=CurlExit.TIMEOUT), False, "no answer in time"),
        (Output(stdout="Wel", stderr="200 10.0 ", exit=CurlExit.TIMEOUT), False, "200, then no answer in time"),
        (Output(stderr="000 0.1 ", exit=CurlExit.CERTIFICATE), False, "certificate not valid"),
        (Output(stderr="000 0.1 ", exit=CurlExit.NAME), False, "name not found"),
        (Output(stderr="000 0.1 ", exit=56), False, "broken answer"),
        (Output(stdout="Welcome", stderr="200 0.1 ", exit=CurlExit.WRITE, cut=True), True, "200"),
        (Output(stdout="Welcome", stderr="200 0.1 ", exit=CurlExit.WRITE), False, "200, then broken answer"),
        (Output(stdout="Welcome", stderr="warning: x\n200 0.1 "), True, "200"),
    ],
)
def test_a_page(output: Output, ok: bool, said: str) -> None:
    answer = SITE.read(output)
    assert answer.ok is ok
    assert answer.describe() == said


@pytest.mark.parametrize("stderr", ["", "curl: option --connect-to: is unknown", "abc 0.1 ", "200"])
def test_a_curl_that_says_nothing_is_unreadable(stderr: str) -> None:
    with pytest.raises(Unreadable):
        SITE.read(Output(stderr=stderr, exit=2))


def test_a_page_is_asked_of_the_host_itself() -> None:
    run = SITE.command()
    assert isinstance(run, Run)
    assert run.user is None
    assert run.argv[4:6] == ("443", "--silent")
    assert run.seconds > SITE.seconds


@pytest.mark.parametrize(
    ("probe", "output"),
    [
        (UNIT, Output(stdout=FPM.replace("MainPID=1041", "MainPID=²"))),
        (UNIT, Output(stdout=FPM.replace("MainPID=1041", f"MainPID={'9' * 5000}"))),
        (ThisMachine(), Output(stdout="a b c d")),
        (ThisMachine(), Output(stdout="a b nan 1")),
        (ThisMachine(), Output(stdout="a b inf 1")),
        (SITE, Output(stderr="200 inf ")),
    ],
)
def test_what_only_looks_like_a_number_is_unreadable(probe: Probe[Fact], output: Output) -> None:
    with pytest.raises(Unreadable):
        probe.read(output)
