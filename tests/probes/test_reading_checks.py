"""Checks of a configuration, and what sudo says when it runs nothing."""

import pytest

from remediate.core.command import Output
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.machine import ThisMachine
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.sudo import Sudo
from remediate.probes.systemd import UnitLog
from support.systemd_answers import FPM, UNIT

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
