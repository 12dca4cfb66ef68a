"""Listings of sudo 1.9.13, read as sudo itself decides."""

import gzip
import shlex
import shutil
import subprocess
import warnings
from base64 import b64encode
from pathlib import Path

import pytest

from remediate.commands.docs.example import EXAMPLE
from remediate.core.command import ROOT, Output, Run
from remediate.core.program_text import HELPER
from remediate.errors import Unreadable
from remediate.probes.sudo import Sudo, SudoRule, SudoRules
from remediate.project.project import Project
from remediate.transport.script import STDOUT_LIMIT

HEAD = """ops
none

Matching Defaults entries for ops on web1:
    env_reset, mail_badpass, secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin, use_pty

User ops may run the following commands on web1:
"""
LISTING = (
    HEAD
    + """
Sudoers entry:
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/bin/systemctl restart nginx
\t/usr/sbin/nginx -t
\t/usr/bin/id ""

Sudoers entry:
    RunAsUsers: root
    Options: authenticate
    Commands:
\t/usr/bin/systemctl stop *

Sudoers entry:
    RunAsUsers: forge, !root
    Options: !authenticate
    Timeout: 20
    Commands:
\t/usr/bin/php ^artisan [a-z\\:]+$
\t/usr/bin/tail -n [0-9]* /var/log/*.log

Sudoers entry:
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/bin/printf %s c\\:d\\=e\\*f\\?g\\[h\\]i\\!j\\#k"l(m)n o y^z
\t/opt/tools/
\tsha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 /usr/bin/true
"""
)
EVERYTHING = (
    HEAD
    + """
Sudoers entry:
    RunAsUsers: ALL
    RunAsGroups: ALL
    Options: !authenticate
    Commands:
\tALL
\t!/usr/bin/passwd
\t!/usr/bin/su ""
"""
)
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


# -- roles of a directory, and sudo-rs ---------------------------------------------------------------------------------

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


# -- the helper, and what an earlier version left behind ---------------------------------------------------------------

VERB = Run.of("/usr/bin/tail", "-n", user=ROOT).helped("log-end", "5", "/var/log/it's.log")
RULE = f"/usr/bin/id\n\t{HELPER} log-end"


def helped(head: str) -> SudoRules:
    return Sudo().read(Output(stdout=LISTING.replace("none\n", head).replace('/usr/bin/id ""', RULE)))


def test_the_helper_runs_what_was_declared_and_sudo_allows() -> None:
    declared = f"helper\n{shlex.quote(VERB.declared)}) ;;\n"
    assert helped(declared).allows(VERB)
    assert not helped("helper\n").allows(VERB)
    assert not helped(declared.replace("5", "6")).allows(VERB)
    assert not helped("none\n").allows(VERB)
    assert not Sudo().read(Output(stdout=LISTING.replace("none\n", declared))).allows(VERB)


def test_without_a_helper_who_may_do_everything_does_it_directly() -> None:
    assert Sudo().read(Output(stdout=EVERYTHING)).allows(VERB)


def test_a_helper_that_others_can_write_is_not_used() -> None:
    rules = helped(f"helper /opt /opt/remediate\n{shlex.quote(VERB.declared)}) ;;\n")
    assert not rules.allows(VERB)
    assert (rules.ok, rules.describe()) == (
        False,
        "; ".join(f"others than root can write {path}, and with it remediate's helper" for path in rules.writable),
    )


@pytest.mark.parametrize(
    "rule",
    [
        "/usr/bin/mariadb --batch --delimiter=%% --init-command=SET @a = 1 --execute WITH x",
        "/usr/bin/supervisorctl status",
        "/bin/sh -c file=$1 sh /x",
        "/usr/bin/php8.2 -n -r exit; -- /x",
    ],
)
def test_the_rules_of_an_earlier_version_are_called_what_they_are(rule: str) -> None:
    rules = SudoRules(user="ops", rules=(SudoRule(run_as=("root",), command=rule, password=False),))
    assert rules.ok is False
    assert rules.describe().startswith(f"rules for {rule.split(maxsplit=1)[0]} let ops run anything as somebody else")
    asks = SudoRules(user="ops", rules=(SudoRule(run_as=("root",), command=rule, password=True),))
    assert asks.ok is None


# -- a listing that would be too long ----------------------------------------------------------------------------------


def asked(tmp_path: Path, listing: str, *, without: str = "") -> Output:
    """Run what the probe runs, where sudo lists this; some programs may not be there."""
    (tmp_path / "listing").write_text(listing)
    sudo = tmp_path / "sudo"
    sudo.write_text(f'#!/bin/sh\n[ "$*" = "-n -ll" ] && exec /bin/cat {tmp_path}/listing\n')
    (tmp_path / "id").write_text('#!/bin/sh\n[ "$1" = -u ] && echo 1000 || echo ops\n')
    for name in {"gzip", "base64", "sh"} - {without}:
        (tmp_path / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
    for name in ("sudo", "id"):
        (tmp_path / name).chmod(0o755)
    run = Sudo().command()
    done = subprocess.run(run.argv, env={"PATH": str(tmp_path)}, capture_output=True, timeout=30, check=False)
    return Output(stdout=done.stdout.decode(), stderr=done.stderr.decode(), exit=done.returncode)


@pytest.mark.parametrize("without", ["", "gzip", "base64"])
def test_it_is_packed_where_that_is_possible(tmp_path: Path, without: str) -> None:
    _, _, listing = LISTING.partition("none\n\n")
    answer = asked(tmp_path, listing, without=without)
    assert Sudo().read(answer) == Sudo().read(Output(stdout=LISTING))
    assert ("RunAsUsers" in answer.stdout) is bool(without)


def test_the_rules_for_everything_that_ships_can_be_read(tmp_path: Path) -> None:
    _, _, listing = LISTING.partition("none\n\n")
    project = Project(None)
    # Of a directory, an application each: as sudo lists what `sudoers` writes.
    allowed = {run.permission for name in project.playbooks() for run in project.load(name)(EXAMPLE).privileges()}
    needed = {(f"{user}{number}", words) for number in range(12) for user, words in allowed}
    for user, words in sorted(needed, key=str):
        listing += f"\nSudoers entry:\n    RunAsUsers: {user}\n    Commands:\n\t{' '.join(words)}\n"
    assert len(listing) > 2 * STDOUT_LIMIT
    answer = asked(tmp_path, listing)
    assert len(answer.stdout) < STDOUT_LIMIT
    assert len(Sudo().read(answer).rules) == len(Sudo().read(Output(stdout=LISTING)).rules) + len(needed)


def test_a_sudo_that_lists_nothing_allows_nothing(tmp_path: Path) -> None:
    assert Sudo().read(asked(tmp_path, "")) == SudoRules(user="ops", rules=())


def test_half_a_listing_is_none() -> None:
    packed = b64encode(gzip.compress(LISTING.encode(), mtime=0)).decode()
    for damaged in (packed[:100], packed[:-8], packed[:40] + "AAAA" + packed[44:], "H4sI", "H4sI¡"):
        with pytest.raises(Unreadable, match="packed listing"):
            Sudo().read(Output(stdout=f"ops\n{damaged}\n"))
    bomb = b64encode(gzip.compress(b"x" * 9_000_000)).decode()
    with pytest.raises(Unreadable, match="no end"):
        Sudo().read(Output(stdout=f"ops\n{bomb}\n"))
