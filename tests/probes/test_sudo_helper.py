"""Rules of sudo for the helper, and a listing that would be too long."""

import gzip
import shlex
import shutil
import subprocess
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
from support.sudo_listings import EVERYTHING, LISTING

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
    assert rules.describe().startswith(f"rules for {rule.split(maxsplit=1)[0]} let ops run anything as another user")
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
    with pytest.raises(Unreadable, match="cut off"):
        Sudo().read(Output(stdout=f"ops\n{bomb}\n"))
