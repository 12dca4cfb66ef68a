"""The sudoers file: sudo accepts it, and it allows exactly the requested commands."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediate.core.command import ROOT, Output, Run
from remediate.core.host import Host, SshTarget
from remediate.core.program_text import HELPER
from remediate.privileges.sudoers import render
from remediate.probes.sudo import Sudo, SudoRules

PRIVILEGES = (
    Run.of("/usr/sbin/php-fpm8.2", "-t", user=ROOT, seconds=10),
    Run.of("/usr/bin/systemctl", "reset-failed", "php8.2-fpm.service", user=ROOT, seconds=10),
    Run.of("/usr/bin/systemctl", "restart", "php8.2-fpm.service", user=ROOT, seconds=100),
)
HOST = Host(name="web1", ssh=SshTarget(address="192.0.2.1"))
VISUDO = shutil.which("visudo") or shutil.which("visudo", path="/usr/sbin:/sbin")
SAFE = "".join(sorted(set(map(chr, range(33, 127))) - set('\\"()^')))
"""Printable ASCII without what sudoers(5) cannot say by one backslash."""
words = st.text(SAFE + "é☃", min_size=1, max_size=12)
firm = st.from_regex(r"-{1,2}[a-z][a-z0-9-]{0,6}(=[a-z0-9-]{1,6})?", fullmatch=True)
"""Options that take nothing, or a word of a small set: what may stand before another argument."""
commands = st.builds(
    lambda program, options, rest: Run.of(f"/usr/bin/x{program}", *options, *rest, user=ROOT),
    st.text("bcdefgh-_.", min_size=1, max_size=8),
    st.lists(firm, max_size=3),
    st.lists(words, max_size=1),
)


def rules(text: str) -> SudoRules:
    """Read the file back as `sudo -ll` would list it."""
    found = re.findall(r"^ops ALL=\((\S+)\) TIMEOUT=[0-9]+s NOPASSWD: (.*)$", text, re.MULTILINE)
    entries = (
        f"\nSudoers entry:\n    RunAsUsers: {user}\n    Options: !authenticate\n    Commands:\n\t{command}\n"
        for user, command in found
    )
    return Sudo().read(Output(stdout=f"ops\nnone\n\n{''.join(entries)}"))


def check(text: str) -> None:
    if VISUDO is None:
        pytest.skip("visudo is not installed here")
    done = subprocess.run([VISUDO, "-c", "-f", "-"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stderr}"


def test_what_a_remedy_needs_is_all_that_is_allowed() -> None:
    text = render(HOST, "ops", PRIVILEGES)
    check(text)
    assert text.splitlines()[2:] == [
        "# At worst: lifts systemd's limit on starts of php8.2-fpm.service",
        "ops ALL=(root) TIMEOUT=10s NOPASSWD: /usr/bin/systemctl reset-failed php8.2-fpm.service",
        "# At worst: restarts php8.2-fpm.service again and again: whoever uses it is cut off each time",
        "ops ALL=(root) TIMEOUT=100s NOPASSWD: /usr/bin/systemctl restart php8.2-fpm.service",
        "# At worst: checks PHP-FPM's configuration",
        "ops ALL=(root) TIMEOUT=10s NOPASSWD: /usr/sbin/php-fpm8.2 -t",
    ]
    for run in PRIVILEGES:
        assert rules(text).allows(run)
    for argv in (
        ("/usr/bin/systemctl", "stop", "php8.2-fpm.service"),
        ("/usr/bin/systemctl", "restart"),
        ("/usr/bin/systemctl", "restart", "php8.2-fpm.service", "nginx.service"),
        ("/usr/bin/systemctl", "restart", "php8x2-fpm.service"),
        ("/usr/sbin/php-fpm8.2", "-t", "-y", "/tmp/mine"),
        ("/usr/sbin/php-fpm8.2",),
        ("/usr/bin/sh",),
    ):
        assert not rules(text).allows(Run.of(*argv, user=ROOT))


def test_the_file_is_the_same_whatever_the_order() -> None:
    assert render(HOST, "ops", PRIVILEGES) == render(HOST, "ops", (*reversed(PRIVILEGES), *PRIVILEGES))


def test_nothing_is_written_for_what_needs_no_sudo() -> None:
    mine = (Run.of("uptime"), Run.of("/usr/bin/php", "-v", user="ops"))
    assert "NOPASSWD" not in render(HOST, "ops", mine)


def test_a_command_without_arguments_allows_none() -> None:
    text = render(HOST, "ops", [Run.of("/usr/bin/id", user=ROOT)])
    check(text)
    assert text.splitlines()[-1].endswith('/usr/bin/id ""')
    assert rules(text).allows(Run.of("/usr/bin/id", user=ROOT))
    assert not rules(text).allows(Run.of("/usr/bin/id", "-u", user=ROOT))


def test_another_user_needs_another_rule() -> None:
    text = render(HOST, "ops", [Run.of("/usr/bin/x", "up", user="forge")])
    check(text)
    assert rules(text).allows(Run.of("/usr/bin/x", "up", user="forge"))
    assert not rules(text).allows(Run.of("/usr/bin/x", "up", user=ROOT))


@settings(deadline=None, max_examples=300)
@given(run=commands)
def test_a_rule_allows_its_own_command(run: Run) -> None:
    assert rules(render(HOST, "ops", [run])).allows(run)


@settings(deadline=None, max_examples=300)
@given(run=commands, data=st.data())
def test_a_rule_allows_nothing_else(run: Run, data: st.DataObject) -> None:
    allowed = rules(render(HOST, "ops", [run]))
    argv = list(run.argv)
    where = data.draw(st.integers(0, len(argv) - 1))
    match data.draw(st.sampled_from(["more", "less", "change", "character", "user"])):
        case "more":
            argv.insert(where + 1, data.draw(words))
        case "less" if len(argv) > 1:
            del argv[max(1, where)]
        case "change":
            argv[where] = f"/usr/sbin/{data.draw(words)}" if where == 0 else data.draw(words)
        case "character":
            argv[where] = argv[where] + data.draw(st.sampled_from(SAFE))
        case _:
            assert not allowed.allows(run.model_copy(update={"user": "forge"}))
            return
    if argv != list(run.argv):
        assert not allowed.allows(Run.of(*argv, user=ROOT))


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("/usr/bin/x", "a b"), "holds a blank"),
        (("/usr/bin/x", "a\tb"), "holds a blank"),
        (("/usr/bin/x", "-n", "5", "/var/log/x.log"), "takes free text"),
        (("/usr/bin/x", "--init-command=SET @a=1", "--execute", "x"), "holds a blank"),
        (("/usr/bin/x", "--file=/etc/x", "--quiet"), "takes free text"),
        (("/usr/bin/x", "start", "a", "b"), "takes free text"),
        (("/usr/bin/supervisorctl", "status"), "every program that it can run"),
        (("/usr/bin/python3.11", "-V"), "every program that it can run"),
        (("/bin/sh", "-c", "id"), "every program that it can run"),
        (("/usr/bin/php8.2", "-v"), "every program that it can run"),
        (("/usr/bin/mariadb", "--version"), "every program that it can run"),
        (("/usr/bin/x", "y" * 1100), "longer than 1024"),
    ],
)
@pytest.mark.parametrize("user", [ROOT, "forge"])
def test_what_would_allow_more_than_it_says_is_refused(argv: tuple[str, ...], why: str, user: str) -> None:
    with pytest.raises(ValueError, match=why):
        render(HOST, "ops", [Run.of(*argv, user=user)])


def test_what_one_rule_cannot_say_is_a_verb_of_the_helper() -> None:
    run = Run.of("/bin/sh", "-c", "echo $1; id", "sh", user="forge", seconds=7).helped("say", "a b")
    text = render(HOST, "ops", [run])
    assert text.splitlines()[-1] == f"ops ALL=(forge) TIMEOUT=7s NOPASSWD: {HELPER} say"
    check(text)


def test_sudo_rs_takes_no_time_limit() -> None:
    assert "TIMEOUT" not in render(HOST, "ops", PRIVILEGES, timeouts=False)


def test_root_needs_no_rules() -> None:
    assert "NOPASSWD" not in render(HOST, ROOT, PRIVILEGES)


@pytest.mark.parametrize(
    ("login", "written"), [("ana@corp.example.com", '"ana@corp.example.com"'), ("corp\\ana", "corp\\\\ana")]
)
def test_logins_of_a_directory_are_written_as_sudoers_needs_them(login: str, written: str) -> None:
    text = render(HOST, login, PRIVILEGES)
    check(text)
    assert text.splitlines()[-1].startswith(f"{written} ALL=(root) ")


@pytest.mark.parametrize("user", ["ALL", "ADMINS", "%admin", "#0", "a b"])
def test_nobody_else_is_run_as(user: str) -> None:
    run = Run(argv=("/usr/bin/x",), user="nobody").model_copy(update={"user": user})
    with pytest.raises(ValueError, match="cannot express the login name"):
        render(HOST, "ops", [run])


def test_every_character_that_sudoers_gives_a_meaning_is_taken() -> None:
    places = ("a{}b", "{}", "{}b", "b{}")
    check(render(HOST, "ops", [Run.of("/usr/bin/x", place.format(c), user=ROOT) for c in SAFE for place in places]))


@pytest.mark.parametrize("argument", ['a"b', "(", "a)b", "^", "^b", '""'])
def test_characters_that_one_backslash_does_not_quote(argument: str) -> None:
    check(render(HOST, "ops", [Run.of("/usr/bin/x", argument, user=ROOT)]))


def test_a_backslash_is_quoted_twice() -> None:
    # Measured with sudo 1.9.13: of raw, \\ and \\\\, only the last one lets the command run.
    assert render(HOST, "ops", [Run.of("/usr/bin/x", "a\\b", user=ROOT)]).endswith("/usr/bin/x a\\\\\\\\b\n")


def test_an_argument_that_looks_like_a_regular_expression_is_not_one() -> None:
    text = render(HOST, "ops", [Run.of("/usr/bin/x", "^.*$", user=ROOT)])
    assert not text.endswith("/usr/bin/x ^.\\*$\n")


@pytest.mark.parametrize("argument", ["", "\x1b[31m", "\x7f"])
def test_what_sudoers_cannot_say_is_an_error(argument: str) -> None:
    with pytest.raises(ValueError, match="cannot express"):
        render(HOST, "ops", [Run.of("/usr/bin/x", argument, user=ROOT)])
