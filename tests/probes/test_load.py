"""Output for the probes of load and disks, from a staging host and others."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.consumers import Consumers
from remediate.probes.disk_writers import DiskWriters
from remediate.probes.files import LogFiles
from remediate.probes.filesystems import DiskSpace
from remediate.probes.journald import JournalFiles
from remediate.probes.load import Load, SlowQueries
from remediate.probes.open_files import DeletedFiles, HeldLogs, LogWriters
from remediate.probes.processes import Processes, Usage

PROCESSES = Processes(cpu=35, memory=50, age=3, sample=2)
ACCESS, LARAVEL = "/var/log/nginx/access.log", "/home/forge/agency-platform/storage/logs/laravel.log"

# -- who uses the machine ----------------------------------------------------------------------------------------------

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
    with pytest.raises(Unreadable, match="not told whole"):
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


def run(probe: Probe[Fact]) -> Output:
    command = probe.command()
    assert isinstance(command, Run)
    done = subprocess.run(command.argv, capture_output=True, text=True, timeout=30, check=False, env={"LC_ALL": "C"})
    return Output(stdout=done.stdout, stderr=done.stderr[-8192:], exit=done.returncode)


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


GROUPS = {
    10: ("1", "/system.slice/mariadb.service", "mysql", 40),
    11: ("1", "/user.slice/user-1000.slice/user@1000.service/app.slice/import.service", "forge", 0),
    12: ("1", "/user.slice/user-1000.slice/user@1000.service/init.scope", "forge", 0),
    13: ("1", "/user.slice/user-1000.slice/session-3.scope", "forge", 0),
    14: ("1", "/system.slice/php8.2-fpm.service", "root", 0),
    15: ("14", "/system.slice/php8.2-fpm.service", "forge", 40),
}
"""Parent, control group, owner and percent of the memory of each process."""


def told(*pids: int, total: int = 1_000_000, units: tuple[str, ...] = (), busy: int = 0) -> Usage:
    """Return what the program makes of two looks at these processes, each `busy` with percent of a core."""
    stats = "\n".join(f"{pid} (x) S {GROUPS[pid][0]} {'0 ' * 17}5 0 0" for pid in pids)
    look = f"1 (init) S 0 {'0 ' * 17}5 0 0\n{stats}"
    later = "\n".join(f"{pid} (x) S {GROUPS[pid][0]} {'0 ' * 9}{busy * 2} {'0 ' * 7}5 0 0" for pid in pids)
    second = f"1 (init) S 0 {'0 ' * 17}5 0 0\n{later}"
    seen = [f"= machine 100 4096 2 {total}", f"= first 100\n{look}", f"= second 102\n{second}"]
    seen += ["= groups", *(f"/proc/{pid}/cgroup:0::{GROUPS[pid][1]}" for pid in pids)]
    seen += ["= memory", *(f"/proc/{pid}/statm:0 {GROUPS[pid][3] * total // 400} 0 0 0 0 0" for pid in pids)]
    seen += ["= owners", *(f"/proc/{pid} {GROUPS[pid][2]}" for pid in pids)]
    probe = Processes(memory=30, age=0, units=units)
    command = probe.command()
    assert isinstance(command, Run)
    first, _, rest = command.argv[2].partition("2>/dev/null | awk")
    program = f"{first.strip().splitlines()[0]}\ncat | awk{rest}"
    words, given = ("sh", "-c", program, *command.argv[3:]), "\n".join([*seen, ""])
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=True)
    return probe.read(Output(stdout=done.stdout, stderr=done.stderr))


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


# -- load, queries -----------------------------------------------------------------------------------------------------

LOADED = """loadavg 0.75 2.76 7.36 1/231 218
cores 2
container podman
MemTotal:       24684084 kB
MemAvailable:   23681024 kB
SwapTotal:             0 kB
SwapFree:              0 kB
"""


def test_load_and_memory_of_the_machine_around_a_container() -> None:
    load = Load().read(Output(stdout=LOADED))
    assert (load.ok, load.container) == (True, True)
    assert load.describe() == "0.75 on 2 cores, memory 5 % (of the machine around this container)"


def test_memory_that_is_short() -> None:
    told = LOADED.replace("podman", "none").replace("23681024", "681024")
    assert Load().read(Output(stdout=told)).ok is False
    swapped = LOADED.replace("podman", "none").replace("SwapTotal:             0", "SwapTotal: 1000")
    load = Load().read(Output(stdout=swapped))
    assert (load.ok, load.describe()) == (False, "0.75 on 2 cores, memory 5 %, swap 100 %")


@pytest.mark.parametrize("said", ["", "loadavg \n", LOADED.replace("kB", "Kio"), LOADED.replace("0.75", "0,75")])
def test_load_that_was_not_told_is_unknown(said: str) -> None:
    with pytest.raises(Unreadable):
        Load().read(Output(stdout=said))


QUERIES = SlowQueries(php="php8.2", path="/home/forge/agency-platform", user="forge", seconds=2)
QUERY = (
    '\nremediate:{"driver":"mysql","queries":[{"id":39,"user":"agency","database":"agency","seconds":4,"state":"",'
    '"statement":"set statement max_statement_time=? for select benchmark(?, md5(?))"}]}\n'
)


def test_a_query_that_runs_for_long() -> None:
    queries = QUERIES.read(Output(stdout=QUERY))
    assert queries.ok is False
    assert queries.describe() == (
        "query 39 of agency on agency, for 4 s: `set statement max_statement_time=? for select benchmark(?, md5(?))`"
    )
    assert QUERIES.read(Output(stdout='\nremediate:{"driver":"sqlite","queries":[]}\n')).ok is True


@pytest.mark.parametrize(
    "said",
    [
        "",
        '\nremediate:{"driver":"mysql","queries":[],"failed":2002}\n',
        '\nremediate:{"driver":"mysql","queries":[{"id":39}]}\n',
        "\nremediate:[]\n",
    ],
)
def test_queries_that_were_not_told_are_unknown(said: str) -> None:
    with pytest.raises(Unreadable):
        QUERIES.read(Output(stdout=said, exit=0 if said else 255))


# -- disks -------------------------------------------------------------------------------------------------------------

DF = """     Used    Avail Use%   Inodes    IFree IUse% Mounted on
 24489318 81985980  23% 16777216 16301767    3% /
        0    65536   0%  3085510  3085509    1% /dev
       72 12341968   1%  3085510  3085406    1% /run
    65536        0 100%  3085507  3085506    1% /var/log/nginx
 24489318 81985980  23% 16777216 16301767    3% /etc/hosts
     6152   517096   2%        0        0     - /mnt/my disk
"""


def test_a_full_disk() -> None:
    room = DiskSpace().read(Output(stdout=DF))
    assert [each.mount for each in room.systems] == ["/", "/run", "/var/log/nginx", "/mnt/my disk"]
    assert [each.mount for each in room.full] == ["/var/log/nginx"]
    assert (room.ok, room.describe()) == (False, "/var/log/nginx 100 % (0 MiB left)")
    # Of 252 GiB only these may be used, by a quota: of the size it would be 69 %.
    assert room.of("/").share == pytest.approx(23.0, abs=0.01)
    with pytest.raises(Unreadable):
        room.of("/home")


def test_a_file_system_without_blocks_has_no_share() -> None:
    assert DiskSpace().read(Output(stdout="h\n0 0 0% 0 0 - /mnt/x\n")).of("/mnt/x").share is None


def test_a_disk_without_inodes_left() -> None:
    room = DiskSpace().read(Output(stdout=DF.replace("    3% /\n", "  100% /\n").replace("100% ", "10% ", 1)))
    room = DiskSpace().read(Output(stdout="h\n24489318 81985980 23% 16777216 0 100% /\n"))
    assert ([each.mount for each in room.crowded], room.full, room.ok) == (["/"], (), False)
    assert room.describe() == "/ 23 % (80064 MiB left), inodes 100 %"


@pytest.mark.parametrize("said", ["", "Used\n", DF.replace("23%", "²3%"), "h\n1 2 3% 4\n"])
def test_disks_that_were_not_told_are_unknown(said: str) -> None:
    with pytest.raises(Unreadable):
        DiskSpace().read(Output(stdout=said, stderr="df: no file systems processed\n"))


@pytest.mark.parametrize(
    ("stderr", "code", "trouble"),
    [
        ("", 0, ""),
        ("df: /srv: Input/output error\n", 0, ""),
        ("df: /srv: Input/output error\n", 1, "df: /srv: Input/output error"),
        (
            "df: /sys/kernel/debug/tracing: Permission denied\ndf: /srv: Input/output error\n",
            1,
            "df: /srv: Input/output error",
        ),
        ("df: /var/lib/docker/overlay2/47/merged: Permission denied\n", 1, ""),
        ("df: '/run/user/7/a b': Operation not permitted\n", 1, ""),
        ("", 1, "df ended with 1"),
    ],
)
def test_what_df_could_not_tell_of(stderr: str, code: int, trouble: str) -> None:
    state = DiskSpace().read(Output(stdout="h\n24489318 81985980 23% 16777216 0 3% /\n", stderr=stderr, exit=code))
    assert (state.trouble, state.ok) == (trouble, True)


def test_this_machine_has_disks() -> None:
    assert DiskSpace(limit=100).read(run(DiskSpace(limit=100))).systems


def test_what_fills_a_disk() -> None:
    said = "on /a\n65532 50:4 /var/log/nginx/dump of.sql\nsecond line\ni 4711 50:5 /var/lib/php/sessions\n"
    found = Consumers().read(Output(stdout=said))
    assert found.describe() == "/var/log/nginx/dump of.sql (63 MiB), /var/lib/php/sessions (4711 files)"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "not looked at"),
        ("on /a\n", "no file of 1 MiB or more"),
        ("on /a\nlate\n", "no file of 1 MiB or more; not all was looked through in time"),
        ("on /a\nclosed 1 /a/b c\n", "nothing that this user may see; closed to this user: 1 folder /a/b c"),
        (
            "on /a\n2048 50:4 /a/x\nclosed 3 /root\nlate\n",
            "/a/x (2 MiB); closed to this user: 3 folders, such as /root; not all was looked through in time",
        ),
    ],
)
def test_nothing_is_said_to_be_there_only_where_it_was_looked_at(said: str, told: str) -> None:
    assert Consumers().read(Output(stdout=said)).describe() == told


def test_a_look_that_failed_is_unknown() -> None:
    with pytest.raises(Unreadable, match="biggest on a full disk: sh: 1: x"):
        Consumers().read(Output(stderr="sh: 1: x\n", exit=2))


PLACES = """
254:0 /
0:21 /run
7:0 /old
7:0 /var/log/nginx
7:0 /home/forge/my\\040app/storage
0:99 /mnt/my\\040disk
254:0 /etc/hosts
254:0 /srv/data
8:1 /etc/resolv.conf
"""


def test_one_disk_at_several_places_is_told_by_its_device() -> None:
    room = DiskSpace().read(Output(stdout=DF.replace("/etc/hosts", "/etc/resolv.conf") + PLACES))
    disk = room.at("/home/forge/my app/storage")
    assert disk is not None
    assert (disk.mount, disk.also, disk.device) == ("/var/log/nginx", ("/old", "/home/forge/my app/storage"), 0x700)
    assert room.describe() == "/var/log/nginx (also /old, /home/forge/my app/storage) 100 % (0 MiB left)"
    assert room.mount_of("/home/forge/my app/storage/logs/laravel.log") == "/var/log/nginx"
    assert room.mount_of("/home/forge/my app") == "/"
    assert room.mount_of("/anything", device=0x700) == "/var/log/nginx"
    assert room.of("/").also == ("/srv/data",)
    assert (room.at("/etc/resolv.conf"), room.at("/nfs")) == (None, None)


def test_a_disk_that_df_names_by_a_file_of_the_engine_is_a_disk_all_the_same() -> None:
    """A container: its engine binds /etc/hosts from the disk that a volume lies on, and df names the shorter name."""
    said = "h\n65536 0 100% 100 99 1% /etc/hosts\n\n8:1 /etc/hosts\n8:1 /var/log/nginx\n"
    assert [each.mount for each in DiskSpace().read(Output(stdout=said)).full] == ["/var/log/nginx"]


def test_subvolumes_that_df_tells_apart_stay_apart() -> None:
    said = "h\n1 9 10% 0 0 - /\n1 9 10% 0 0 - /home\n\n0:30 /\n0:30 /home\n0:30 /srv\n"
    room = DiskSpace().read(Output(stdout=said))
    assert [(each.mount, each.also) for each in room.systems] == [("/", ("/srv",)), ("/home", ())]


DISK = r"""
set -e
cd "$1"; mkdir disk storage; chmod 755 . disk
mount -t tmpfs -o size=8m,nr_inodes=40,mode=750 tmpfs disk
mkdir "disk/a p"; chown nobody "disk/a p"; mount --bind "disk/a p" storage
touch disk/1 disk/2 disk/3 "disk/a p/"4
(
  exec 7>>"storage/laravel log"; exec 8>disk/gone; rm disk/gone
  dd if=/dev/zero bs=1M count=2 status=none >&8
  while dd if=/dev/zero bs=256K count=1 status=none >&7 2>/dev/null; do sleep 0.3; done
  exec sleep 30
) >/dev/null 2>&1 </dev/null &
trap "kill $!" EXIT
"""
"""A disk mounted twice, closed to others where df names it, that a process fills: by a log, and by a file deleted."""


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder that others may look into: pytest keeps its own closed."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def on_a_disk(place: Path) -> Callable[..., Output]:
    """Ask on a machine with such a disk, which no other process of this one sees."""
    if os.geteuid() != 0 or subprocess.run(("unshare", "-m", "true"), check=False, capture_output=True).returncode:
        pytest.skip("only root may mount")

    def ask(argv: tuple[str, ...], *, percent: int, user: str = "root") -> Output:
        who = f"setpriv --reuid {user} --regid nogroup --clear-groups " if user != "root" else ""
        until = f'until [ "$(df --output=pcent disk | tr -cd 0-9)" -ge {percent} ]; do sleep 0.1; done'
        text = f"{DISK}{until}\n{who}env LC_ALL=C {shlex.join(argv)}"
        done = subprocess.run(
            ("unshare", "-m", "sh", "-c", text, "sh", str(place)), check=False, capture_output=True, text=True
        )
        return Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)

    return ask


def test_the_real_df_tells_of_a_disk_by_its_device(on_a_disk: Callable[..., Output], place: Path) -> None:
    room = DiskSpace(limit=95).read(on_a_disk(DiskSpace().command().argv, percent=100))
    storage = room.at(f"{place}/storage")
    assert storage is not None
    assert storage.mount == f"{place}/disk"
    assert storage in room.full


def test_the_real_find_sees_what_fills_it_at_whatever_place_is_open(
    on_a_disk: Callable[..., Output], place: Path
) -> None:
    probe = Consumers(limit=95)
    seen = probe.read(on_a_disk(probe.command().argv, percent=100, user="nobody"))
    (log,) = seen.consumers
    assert log.path == f"{place}/storage/laravel log"
    assert log.size_kib > 4 * 1024
    assert (seen.closed, seen.such_as, seen.late) == (1, f"{place}/disk", False)


def test_the_real_df_tells_of_inodes(on_a_disk: Callable[..., Output], place: Path) -> None:
    """df refuses -i together with --output, and for long nobody saw it."""
    probe = Consumers(limit=10)
    only = (*probe.command().argv[:5], f"^(/[^{place.parts[1][0]}]|/$|/dev)", *probe.command().argv[6:])
    seen = probe.read(on_a_disk(only, percent=30))
    folders = {each.path: each.files for each in seen.consumers if each.files}
    assert folders[f"{place}/disk"] >= 4


def test_the_real_kernel_tells_who_writes(on_a_disk: Callable[..., Output], place: Path) -> None:
    probe = DiskWriters(limit=45)
    argv = probe.command().argv
    writers = probe.read(on_a_disk(argv, percent=50)).writers
    mine = {each.path: each for each in writers if each.path.startswith(str(place))}
    log, gone = mine[f"{place}/storage/laravel log"], mine[f"{place}/disk/gone"]
    assert (log.deleted, log.user, log.grown_kib > 0) == (False, "root", True)
    assert (gone.deleted, gone.held_kib, gone.grown_kib, gone.pid) == (True, 2048, 0, log.pid)


def test_the_real_shell_tells_a_closed_folder_from_one_that_is_missing(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    (place / "closed").mkdir(mode=0o700)
    probe = LogFiles(paths=(f"{place}/closed/a/x.log", f"{place}/gone/a/x.log", f"{place}/x.log"))
    words = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *probe.command().argv)
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    state = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    assert (state.files, state.unseen) == ((), (f"{place}/closed/a/x.log",))


FILES = LogFiles(paths=(ACCESS, LARAVEL, "/root/x", "/tmp/l", "/nope/x"))
WHAT = """0 file 50 4 1 www-data full big safe /var/log/nginx
1 missing
2 missing
3 link 47 24 1 root roomy small loose /tmp
4 unseen
"""


def test_what_log_files_are() -> None:
    files = FILES.read(Output(stdout=WHAT, stderr="3 25 0\n0 67108864 65536\n"))
    access, link = files.files
    assert (access.kind, access.owner, access.on_full, access.big, access.safe_folder) == (
        *("file", "www-data"),
        *(True, True, True),
    )
    assert (link.kind, link.safe_folder, files.unseen) == ("link", False, ("/nope/x",))


@pytest.mark.parametrize(
    "output",
    [
        Output(stdout=WHAT),
        Output(stdout=WHAT.partition("2 ")[0], stderr="0 67108864 65536\n"),
        Output(stdout=WHAT.replace("0 file", "1 file"), stderr="0 67108864 65536\n"),
        Output(stdout=WHAT.replace("full", "voll"), stderr="3 25 0\n0 67108864 65536\n"),
    ],
)
def test_log_files_that_were_not_told_whole_are_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        FILES.read(output)


def test_log_files_of_this_machine(tmp_path: Path) -> None:
    log, link, twice = tmp_path / "a b.log", tmp_path / "link", tmp_path / "twice"
    log.write_bytes(b"x" * 40_000)
    link.symlink_to(log)
    twice.hardlink_to(log)
    probe = LogFiles(paths=tuple(map(str, (log, link, tmp_path / "no", tmp_path, twice))), limit=1, worth_kib=20)
    found = probe.read(run(probe))
    assert [each.kind for each in found.files] == ["file", "link", "other", "file"]
    assert (found.files[0].links, found.files[0].size, found.files[0].big) == (2, 40_000, True)
    assert not found.files[0].safe_folder  # /tmp is everybody's


# lsof 4.95 on a staging host
WRITERS = """p71
cnginx
Lroot
f4
G0x88401;0x0
D0x32
i2
n/var/log/nginx/access.log
p72
cnginx
Lwww-data
f4
G0x88401;0x0
D0x32
i2
n/var/log/nginx/access.log
p99
cpython3
Lforge
f3
G0x88001;0x0
D0x32
i2
n/var/log/nginx/access.log
"""
DELETED = """p36
cmariadbd
Lmysql
f7
D0x2f
s0
i14
n/tmp/#14 (deleted)
f8
D0x2f
s0
i15
n/tmp/#15 (deleted)
p71
cnginx
Lroot
f4
D0x32
s67108864
i2
n/var/log/nginx/access.log (deleted)
"""


def test_who_writes_to_a_log_and_how() -> None:
    writers = LogWriters(paths=(ACCESS,)).read(Output(stdout=WRITERS))
    assert [(each.pid, each.appends) for each in writers.holders(50, 2)] == [(71, True), (72, True), (99, False)]
    assert writers.holders(50, 3) == ()


def test_deleted_files_that_are_still_open() -> None:
    deleted = DeletedFiles().read(Output(stdout=DELETED))
    assert [(each.command, each.path, each.size) for each in deleted.files] == [
        ("mariadbd", "/tmp/#14", 0),
        ("mariadbd", "/tmp/#15", 0),
        ("nginx", ACCESS, 67_108_864),
    ]
    assert deleted.describe() == f"{ACCESS} 64 MiB (nginx), /tmp/#15 0 MiB (mariadbd)"


def test_nobody_has_such_a_file_open() -> None:
    said = f"lsof: status error on {LARAVEL}: No such file or directory\n"
    assert LogWriters(paths=(LARAVEL,)).read(Output(exit=1, stderr=said)).files == ()
    assert HeldLogs().read(Output(exit=1)).describe() == "none"


@pytest.mark.parametrize(
    "output",
    [
        Output(exit=1, stderr="sudo: a password is required\n"),
        Output(exit=127, stderr="lsof: not found\n"),
        Output(stdout=WRITERS.replace("D0x32\n", "", 1)),
        Output(stdout=WRITERS.replace("p71", "p7²")),
        Output(stdout=WRITERS.replace("D0x32", "Dzweiunddreissig")),
    ],
)
def test_open_files_that_were_not_told_are_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        LogWriters(paths=(ACCESS,)).read(output)


def test_the_journal() -> None:
    told = JournalFiles().read(Output(stdout="files 1263915712:71\non /\n", stderr="size 8200\n"))
    assert (told.mount, told.size_kib, told.describe()) == ("/", 8200, "8 MiB")
    assert JournalFiles().read(Output(stdout="none\n")).describe() == "none"
    for output in (
        Output(stdout="files 1:2\non /\n"),
        Output(stderr="size 1\n"),
        Output(stdout="on /\n", stderr="size 1"),
    ):
        with pytest.raises(Unreadable):
            JournalFiles().read(output)


def test_the_journal_of_this_machine_is_told_or_is_none() -> None:
    assert isinstance(JournalFiles().read(run(JournalFiles())).size_kib, int)
