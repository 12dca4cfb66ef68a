"""The processes that use a machine, from a staging host and from this one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.processes import Processes, Usage
from support.this_machine import command_of, run

PROCESSES = Processes(cpu=35, memory=50, age=3, sample=2)


WHO = "1606:2465682 cpu forge - sh\n"
MUCH = """P 126 2445285 257 0 0 0 20552 root supervisor.service supervisord 1 - /usr/bin/python3 /usr/bin/supervisord -n
P 41 2445203 258 0 0 0 77044 mysql mariadb.service mariadbd 1 - /usr/sbin/mariadbd
P 288 2379514 0 0 0 0 104 ? - sort 284 - ?
P 1606 2465682 53 33 99 0 104 forge - sh 1605 cpu /bin/sh -c while :; do :; done remediate-runaway
T 2.01 2 33 185572 24684084 24
"""


def test_a_process_that_runs_in_circles() -> None:
    usage = PROCESSES.read(Output(stdout=WHO, stderr=MUCH))
    (culprit,) = usage.culprits
    assert (culprit.identity, culprit.user, culprit.unit, culprit.cpu, culprit.wanted) == (
        *("1606:2465682", "forge", None),
        *(33, 99),
    )
    assert usage.ok is False
    assert culprit.describe() == (
        "sh (pid 1606, user forge): 33 % CPU (wants 99 %), 0 MiB, for 53 s: "
        "`/bin/sh -c while :; do :; done remediate-runaway`"
    )
    assert usage.processes[1].unit == "mariadb.service"
    assert usage.processes[2].arguments == "?"


def test_a_machine_with_little_to_do() -> None:
    usage = PROCESSES.read(Output(stderr=MUCH.replace("1605 cpu", "1605 -")))
    assert (usage.ok, usage.describe()) == (True, "CPU 33 % of 200 %, memory 0 %")


def test_a_unit_whose_processes_have_too_much_together() -> None:
    much = MUCH.replace("1605 cpu", "1605 -").replace("T 2.01", "U php8.2-fpm.service 14000000\nT 2.01")
    usage = PROCESSES.read(Output(stdout="unit php8.2-fpm.service\n", stderr=much))
    assert (usage.ok, usage.describe()) == (False, "php8.2-fpm.service has 13671 MiB of memory")


def test_memory_that_nobody_alone_has_taken() -> None:
    usage = PROCESSES.read(Output(stderr="T 2.01 2 33 185572 200000 24\n"))
    assert (usage.exhausted, usage.ok) == (True, False)


def test_the_beginning_may_be_cut_but_nobody_who_uses_too_much() -> None:
    cut = MUCH.partition("mariadbd 1")[2]
    assert len(PROCESSES.read(Output(stdout=WHO, stderr=f"{cut}")).processes) == 2
    with pytest.raises(Unreadable, match="is incomplete"):
        PROCESSES.read(Output(stdout=WHO, stderr="T 2.01 2 33 185572 24684084 24\n"))


@pytest.mark.parametrize(
    "output",
    [
        Output(exit=1),  # /proc is mounted with hidepid: one's own processes only
        Output(stderr="sh: awk: not found\n"),
        Output(stderr="T 2,01 2 33 185572 24684084 24\n"),
        Output(stderr="T 2.01 2 33 185572 24684084\n"),
        Output(stdout=WHO, stderr=MUCH.replace(" 53 33 ", " 53 33% ")),
        Output(stdout=WHO, stderr=MUCH.replace("1605 cpu", "1605 disk")),
    ],
)
def test_usage_that_was_not_told_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        PROCESSES.read(output)


def test_the_program_finds_what_it_is_to_find_on_this_machine() -> None:
    burning = subprocess.Popen(("timeout", "20", "sh", "-c", "while :; do :; done"))
    try:
        # A limit that nearly everything is above: how much this machine has to do meanwhile does not matter.
        usage = Processes(cpu=2, memory=100, age=0, sample=2).read(run(Processes(cpu=2, memory=100, age=0, sample=2)))
    finally:
        burning.terminate()
        burning.wait()
    found = [each for each in usage.culprits if each.parent == burning.pid]
    assert [(each.name, each.excess) for each in found] == [("sh", "cpu")]
    assert found[0].arguments == "sh -c while :; do :; done"
    assert usage.cores > 0


def test_what_the_same_connection_asks_is_nobody_s_culprit(tmp_path: Path) -> None:
    sshd = Path(shutil.copy("/bin/sh", tmp_path / "sshd"))
    probe = Processes(cpu=2, memory=100, age=0, sample=2)
    command = command_of(probe)
    script = """sh -c 'while :; do : another question; done' & "$@"; code=$?; kill $!; exit $code"""
    words = (str(sshd), "-c", script, "sshd", *command.argv)
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    usage = probe.read(Output(stdout=done.stdout, stderr=done.stderr[-8192:], exit=done.returncode))
    (other,) = (each for each in usage.processes if "another question" in each.arguments and each.name == "sh")
    assert (other.excess, other.cpu + other.wanted > 2) == (None, True)


GROUPS = {
    10: ("1", "/system.slice/mariadb.service", "mysql", 40),
    11: ("1", "/user.slice/user-1000.slice/user@1000.service/app.slice/import.service", "forge", 0),
    12: ("1", "/user.slice/user-1000.slice/user@1000.service/init.scope", "forge", 0),
    13: ("1", "/user.slice/user-1000.slice/session-3.scope", "forge", 0),
    14: ("1", "/system.slice/php8.2-fpm.service", "root", 0),
    15: ("14", "/system.slice/php8.2-fpm.service", "forge", 40),
}
"""Parent, control group, owner and percent of the memory of each process."""


TOTAL = 1_000_000
"""Pages of the machine's memory."""


def told(*pids: int, units: tuple[str, ...] = (), busy: int = 0, queued: tuple[int, ...] = ()) -> Usage:
    """Return what the program makes of two looks at these processes, each `busy` with percent of a core.

    Each has a thread for each of `queued`, which waits for a core for that many percent of the time.
    """
    threads = [(f"{pid}/task/{pid}{at}", share) for pid in pids for at, share in enumerate(queued)]
    waits = {
        look: "\n".join(f"/proc/{name}/schedstat:0 {share * 20_000_000 * number} 9" for name, share in threads)
        for number, look in enumerate(("first", "second"))
    }
    stats = "\n".join(f"{pid} (x) S {GROUPS[pid][0]} {'0 ' * 17}5 0 0" for pid in pids)
    look = f"1 (init) S 0 {'0 ' * 17}5 0 0\n{stats}"
    later = "\n".join(f"{pid} (x) S {GROUPS[pid][0]} {'0 ' * 9}{busy * 2} {'0 ' * 7}5 0 0" for pid in pids)
    second = f"1 (init) S 0 {'0 ' * 17}5 0 0\n{later}"
    seen = [f"= machine 100 4096 2 {TOTAL}", f"= first 100\n{look}", f"= wait first\n{waits['first']}"]
    seen += [f"= second 102\n{second}", f"= wait second\n{waits['second']}"]
    seen += ["= groups", *(f"/proc/{pid}/cgroup:0::{GROUPS[pid][1]}" for pid in pids)]
    seen += ["= memory", *(f"/proc/{pid}/statm:0 {GROUPS[pid][3] * TOTAL // 400} 0 0 0 0 0" for pid in pids)]
    seen += ["= owners", *(f"/proc/{pid} {GROUPS[pid][2]}" for pid in pids)]
    probe = Processes(memory=30, age=0, units=units)
    command = command_of(probe)
    first, _, rest = command.argv[2].partition("2>/dev/null | awk")
    program = f"{first.strip().splitlines()[0]}\ncat | awk{rest}"
    words, given = ("sh", "-c", program, *command.argv[3:]), "\n".join([*seen, ""])
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=True)
    return probe.read(Output(stdout=done.stdout, stderr=done.stderr))


def test_many_threads_that_wait_a_little_do_not_starve() -> None:
    # As of a database with little to do, while other containers use all cores: seen on a staging host.
    calm = told(13, busy=1, queued=(5,) * 20)
    assert (calm.culprits, {each.pid: each.wanted for each in calm.processes}[13]) == ((), 1)
    (starved,) = told(13, busy=1, queued=(98, 5)).culprits
    assert (starved.pid, starved.wanted) == (13, 99)


def test_a_service_is_the_innermost_one_and_a_user_managers_is_told_apart() -> None:
    units = {each.pid: each.unit for each in told(11, 12, 13, 14).processes}
    assert units == {
        1: None,
        11: "user@1000.service/import.service",
        12: "user@1000.service",
        13: None,
        14: "php8.2-fpm.service",
    }


def test_a_database_may_have_most_of_the_memory_while_there_is_some_left() -> None:
    assert (told(10).culprits, told(10).units, told(10).ok) == ((), (), True)
    usage = told(14, 15)
    assert [each.pid for each in usage.culprits] == [15]
    assert [each.unit for each in usage.units] == ["php8.2-fpm.service"]


def test_a_unit_of_the_inventory_is_measured_as_the_applications_whoever_runs_it() -> None:
    assert told(10, units=("other",)).ok
    usage = told(10, units=("other", "mariadb"))
    assert ([each.pid for each in usage.culprits], [each.unit for each in usage.units]) == ([10], ["mariadb.service"])
    assert told(14, busy=90).ok
    assert [each.excess for each in told(14, busy=90, units=("php8.2-fpm",)).culprits] == ["cpu"]


def test_when_memory_is_exhausted_whoever_has_much_of_it_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GROUPS, 10, ("1", "/system.slice/mariadb.service", "mysql", 55))
    usage = told(10, 15)
    assert usage.exhausted
    assert {each.pid for each in usage.culprits} == {10, 15}
    assert {each.unit for each in usage.units} == {"php8.2-fpm.service", "mariadb.service"}


def test_cores_are_short_when_as_much_is_wanted_as_there_is() -> None:
    usage = PROCESSES.read(Output(stdout=WHO, stderr=MUCH))
    assert not usage.short
    assert usage.model_copy(update={"cores": 1}).short
    assert usage.model_copy(update={"cpu": 195}).short
