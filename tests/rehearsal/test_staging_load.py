"""Emptying a log on a full disk: effects on the log and its writer."""

from typing import TYPE_CHECKING

import pytest

from support.outcomes import problem

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

LOG = "/var/log/nginx/access.log"
CLEAN = "rm -f /home/forge/remediate-sample-* /root/remediate-sample-* /{var/tmp,dev/shm}/remediate-sample-*"


def test_a_log_is_shortened_its_end_kept_and_its_writer_goes_on(staged: "Staged", cli: "Cli") -> None:
    staged.sh(f"{CLEAN}; dd if=/dev/zero bs=1M status=none >> {LOG} 2> /dev/null || true; stat -c %s {LOG}")
    assert staged.sh("df --output=avail /var/log/nginx | tail -1").strip() == "0"
    inode, mode = staged.sh(f"stat -c '%i %U:%G:%a' {LOG}").split()
    staged.sh(
        f"truncate -s -64 {LOG}; printf 'the last words of this log' >> {LOG}; dd if=/dev/zero bs=1 count=38 >> {LOG}"
    )

    target = ("--host", staged.name, "--inventory", str(staged.inventory))
    ended = cli("invoke", "fix.high-load", *target, "--json", "--hold", "2")

    host = ended.is_("fixed", 0, touched="yes")
    assert [step.remedy for step in host.steps if step.changed] == ["log.shorten"]
    assert int(staged.sh("df --output=pcent /var/log/nginx | tail -1").strip().rstrip("%")) < 5
    assert staged.sh(f"stat -c '%i %U:%G:%a' {LOG}").split() == [inode, mode]
    before = int(staged.sh(f"stat -c %s {LOG}"))
    staged.serves()
    assert int(staged.sh(f"stat -c %s {LOG}")) > before
    (sample,) = staged.sh("ls -l --time-style=+ /root/remediate-sample-access.log.*").splitlines()
    assert sample.split()[:5] == ["-rw-------", "1", "root", "root", str(1024 * 1024)]
    staged.sh("grep -aq 'the last words of this log' /root/remediate-sample-access.log.*")
    staged.sh(CLEAN)


def test_who_fills_a_disk_is_named_and_the_command_beside_it_goes_on(staged: "Staged", cli: "Cli") -> None:
    """Deleting the file gives nothing back while it is open: then it is told as deleted, with the same command."""
    staged.spoil("disk-written")
    target = ("--host", staged.name, "--inventory", str(staged.inventory))

    host = cli("invoke", "fix.high-load", *target, "--json", "--hold", "2").refused("disk-writer")

    command = "sudo systemctl stop remediate-fault-writer.service"
    assert problem(host).message.endswith(f": if it may be stopped, {command}")
    assert "writes to /var/log/nginx/export.csv" in problem(host).message
    staged.sh("rm /var/log/nginx/export.csv")
    deleted = cli("invoke", "fix.high-load", *target, "--json", "--hold", "2").refused("deleted-held")
    assert "/var/log/nginx/export.csv, deleted and still open" in problem(deleted).message
    assert problem(deleted).message.endswith("sudo systemctl restart remediate-fault-writer.service")
    staged.sh(command.removeprefix("sudo "))
    cli("invoke", "fix.high-load", *target, "--json", "--hold", "2").is_("healthy", 0)


def test_a_sample_finds_room_where_home_has_none_and_without_one_nothing_is_shortened(staged: "Staged") -> None:
    from remediate.programs.logs import SAMPLE_BYTES, keep_sample

    staged.sh(f"{CLEAN}; echo words >> {LOG}")
    program = keep_sample(LOG, "root").argv[2]
    homeless = "getent() { echo x:x:0:0::/nonexistent:x; }; "
    keep = f"sh -c '{homeless}{program}' sh {LOG} {SAMPLE_BYTES}"
    assert staged.sh(keep).startswith("/var/tmp/remediate-sample-access.log.")
    full = "df() { echo Avail; echo 0; }; "
    refused = staged.host.exec(("sh", "-c", full + program, "sh", LOG, str(SAMPLE_BYTES)))
    assert (refused.returncode, refused.stderr.strip()) == (1, f"no place has room for a sample of {LOG}")
    staged.sh(CLEAN)


def test_a_query_ends_with_its_fault(staged: "Staged") -> None:
    fault = staged.faults["query-computing"]
    fault.inject(staged.host)
    running = "mariadb -NBe \"select count(*) from information_schema.processlist where info like '%remediate%query%'\""
    # The one that asks is counted, too.
    assert staged.sh(running).strip() == "2"
    fault.undo(staged.host)
    assert staged.sh(running).strip() == "1"
