"""Listings of sudo 1.9.13, read as sudo itself decides."""

import warnings

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.errors import Unreadable
from remediate.probes.sudo import Sudo, SudoRule, SudoRules
from support.sudo_listings import EVERYTHING, HEAD, LISTING

NO_QUESTIONS = """free
none

Matching Defaults entries for free on web1:
    env_reset, mail_badpass, secure_path=/usr/local/sbin\\:/usr/local/bin, use_pty, !authenticate

User free may run the following commands on web1:

Sudoers entry:
    RunAsUsers: root
    Commands:
\t/usr/bin/id

Sudoers entry:
    RunAsUsers: root
    Options: authenticate
    Commands:
\t/usr/bin/who
"""


def allowed(listing: str, *argv: str, user: str = ROOT) -> bool:
    return Sudo().read(Output(stdout=listing)).allows(Run.of(*argv, user=user))


@pytest.mark.parametrize(
    ("argv", "user", "expected"),
    [
        (("/usr/bin/systemctl", "restart", "nginx"), ROOT, True),
        (("/usr/bin/systemctl", "restart", "nginx", "mysql"), ROOT, False),
        (("/usr/bin/systemctl", "restart"), ROOT, False),
        (("/bin/systemctl", "restart", "nginx"), ROOT, False),
        (("/usr/bin/systemctl", "restart", "nginx"), "forge", False),
        (("/usr/sbin/nginx", "-t"), ROOT, True),
        (("/usr/sbin/nginx",), ROOT, False),
        (("/usr/bin/id",), ROOT, True),
        (("/usr/bin/id", "-u"), ROOT, False),
        (("/usr/bin/systemctl", "stop", "nginx"), ROOT, False),
        (("/usr/bin/php", "artisan", "up"), "forge", True),
        (("/usr/bin/php", "artisan", "queue:restart"), "forge", True),
        (("/usr/bin/php", "artisan", "up", "--now=1"), "forge", False),
        (("/usr/bin/php", "artisan", "up"), ROOT, False),
        (("/usr/bin/php", "-r", "artisan up"), "forge", False),
        (("/usr/bin/tail", "-n", "20", "/var/log/syslog.log"), "forge", True),
        (("/usr/bin/tail", "-n", "20", "/var/log/a.log", "/etc/shadow.log"), "forge", True),
        (("/usr/bin/tail", "-n", "x", "/var/log/a.log"), "forge", False),
        (("/usr/bin/printf", "%s", 'c:d=e*f?g[h]i!j#k"l(m)n', "o", "y^z"), ROOT, True),
        (("/usr/bin/printf", "%s", 'c:d=eXf?g[h]i!j#k"l(m)n', "o", "y^z"), ROOT, False),
        (("/opt/tools/anything", "-x"), ROOT, True),
        (("/opt/tools/deeper/anything",), ROOT, False),
        (("/usr/bin/true",), ROOT, False),
        (("/usr/bin/whatever",), "ops", True),
    ],
)
def test_a_command_is_allowed_where_a_rule_without_a_password_matches(
    argv: tuple[str, ...], user: str, expected: bool
) -> None:
    assert allowed(LISTING, *argv, user=user) is expected


def test_the_last_rule_that_matches_decides() -> None:
    assert allowed(EVERYTHING, "/usr/bin/anything", "at", "all")
    assert allowed(EVERYTHING, "/usr/bin/anything", user="www-data")
    assert not allowed(EVERYTHING, "/usr/bin/passwd", "root")
    assert not allowed(EVERYTHING, "/usr/bin/su")
    assert allowed(EVERYTHING, "/usr/bin/su", "-")


def test_a_default_without_password_holds_unless_the_rule_says_otherwise() -> None:
    assert allowed(NO_QUESTIONS, "/usr/bin/id", "-u")
    assert not allowed(NO_QUESTIONS, "/usr/bin/who")


def test_newer_versions_name_the_file_of_an_entry() -> None:
    listing = LISTING.replace("Sudoers entry:", "Sudoers entry: /etc/sudoers.d/ops")
    assert allowed(listing, "/usr/sbin/nginx", "-t")


@pytest.mark.parametrize("stdout", ["ops\nnone\n\n", "ops\nnone\n\nsudo: not found\n"])
def test_without_any_rule_nothing_is_allowed(stdout: str) -> None:
    rules = Sudo().read(Output(stdout=stdout, stderr="sudo: a password is required", exit=1))
    assert rules.rules == ()
    assert not rules.allows(Run.of("/usr/sbin/nginx", "-t", user=ROOT))
    assert rules.allows(Run.of("uptime"))


def test_root_may_do_anything() -> None:
    assert allowed("root\n", "/usr/sbin/nginx", "-t")


def test_no_answer_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="sudo rules: no output"):
        Sudo().read(Output(exit=1))


@pytest.mark.parametrize(
    "rule",
    [
        "/usr/bin/x ^(a$",
        pytest.param("/usr/bin/x [z-a]", id="glob"),
        "/usr/bin/x ^*a$",
        "/usr/bin/x ^a{2,1}$",
        "/usr/bin/x ^[[:alpha:]]+$",
    ],
)
def test_a_pattern_that_python_does_not_know_allows_nothing(rule: str) -> None:
    rules = SudoRules(user="ops", rules=(SudoRule(run_as=("root",), command=rule, password=False),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rules.allows(Run.of("/usr/bin/x", "0", user=ROOT)) is False


ROLES = (
    HEAD
    + """
Sudoers entry: /etc/sudoers.d/local
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/bin/id ""

LDAP Role: operators
    RunAsUsers: root
    Commands:
\t/usr/bin/systemctl restart nginx

LDAP Role: readers
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/sbin/nginx -t
"""
)
"""A local entry and two roles, as display.c of sudo 1.9 prints them."""
SUDO_RS = """ops
none

User ops may run the following commands on web1:

Sudoers entry:
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/bin/id

Sudoers entry:
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/bin/cat /etc/hosts
\t/usr/bin/systemctl restart a=b.service
"""
"""Printed by sudo-rs 0.2.5 of Debian 13."""


def test_a_role_is_an_entry_of_its_own() -> None:
    assert allowed(ROLES, "/usr/bin/id")
    assert allowed(ROLES, "/usr/sbin/nginx", "-t")
    assert not allowed(ROLES, "/usr/bin/systemctl", "restart", "nginx")  # that role wants a password


def test_what_sudo_rs_lists_is_read() -> None:
    assert allowed(SUDO_RS, "/usr/bin/systemctl", "restart", "a=b.service")
    assert allowed(SUDO_RS, "/usr/bin/cat", "/etc/hosts")
    assert not allowed(SUDO_RS, "/usr/bin/cat", "/etc/shadow")
