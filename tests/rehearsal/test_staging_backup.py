"""Restores on a real host: good, bad and hostile backups, and interrupted restores."""

import json
import random
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from support.soak import times
from support.staged_backups import PLACE, Backups

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container


_ROWS = """mariadb agency -e "
drop table if exists visits;
create table visits (id int primary key auto_increment, page text, created_at timestamp null);
insert into visits (page, created_at) select concat('page ', seq), now() - interval 3 day from seq_1_to_2000;
truncate payments; insert into payments (event_id, type, amount, currency)
select concat('evt_b_', seq), 'x', 5, 'eur' from seq_1_to_40" """


@pytest.fixture
def backups(staged: "Staged", cli: "Cli") -> Iterator[Backups]:
    staged.sh(f"rm -rf {PLACE}; install -d -m 750 -o forge -g forge {PLACE}; {_ROWS}")
    yield Backups(staged, cli)
    staged.sh(f"rm -rf {PLACE}; mariadb agency -e 'drop table if exists visits; truncate payments'")


# -- good ones ---------------------------------------------------------------------------------------------------------

_ZIPPED = f"""cd {PLACE} && python3 - <<'PYTHON'
import zipfile
with zipfile.ZipFile("agency.zip", "w", zipfile.ZIP_DEFLATED) as file:
    file.write("agency.sql", "db-dumps/mysql-agency.sql")
    file.writestr("home/forge/app/database/schema/mysql-schema.sql", "select nonsense;")
PYTHON
rm agency.sql"""


@pytest.mark.parametrize(
    ("name", "then"),
    [("agency.sql", ""), ("agency.sql.gz", f"gzip {PLACE}/agency.sql"), ("agency.zip", _ZIPPED)],
)
def test_a_good_backup(backups: Backups, name: str, then: str) -> None:
    backups.dump(then=then)
    live = backups.live()
    found = backups.result()
    assert found.ok is True, found
    assert f"{PLACE}/{name} on {backups.staged.name}, 1.0 h old" in found.evidence[0]
    assert "2044 rows in 4 tables" in found.summary
    assert {sample.name for sample in found.samples} == {"restore", "size", "rows"}
    assert backups.live() == live


def test_a_good_backup_as_a_terminal_shows_it(backups: Backups) -> None:
    backups.dump("all.sql", "--databases", "agency", "--routines", "--triggers")
    told = backups.told()
    assert "yes   Database backup verify" in told
    assert "restored into MariaDB 10." in " ".join(told.split())


def test_a_dump_of_everything_counts_by_its_own_database(backups: Backups) -> None:
    backups.dump("all.sql", "--all-databases")
    assert backups.result().ok is True


# -- bad ones ----------------------------------------------------------------------------------------------------------


class Bad(NamedTuple):
    then: str
    words: str
    ok: bool | None = False


_FILE = f"{PLACE}/agency.sql"
_BAD = {
    "broken in the middle": Bad(f"sed -i 's/^CREATE TABLE `payments`/CREATE TABEL `payments`/' {_FILE}", "ERROR 1064"),
    "truncated gzip": Bad(f"gzip {_FILE}; truncate -s 900 {_FILE}.gz", "cannot be unpacked"),
    "dump that ended early": Bad(f"head -n 40 {_FILE} > {_FILE}.x; mv {_FILE}.x {_FILE}", "Dump completed"),
    "empty": Bad(f": > {_FILE}", "it is empty"),
    "empty inside": Bad(f": > {_FILE}; gzip {_FILE}", "it is empty"),
    "no file": Bad(f"rm {_FILE}", "no file matches"),
    "not readable": Bad(f"chmod 000 {PLACE}; true", "cannot be read", None),
    "of no known kind": Bad(f"mv {_FILE} {PLACE}/agency.tar", "neither", None),
    "damaged zip": Bad(f"{_ZIPPED}; truncate -s 700 {PLACE}/agency.zip", "cannot be unpacked"),
}


@pytest.mark.parametrize("name", _BAD)
def test_a_bad_backup(backups: Backups, name: str) -> None:
    bad = _BAD[name]
    backups.dump(then=bad.then)
    if name == "not readable":
        backups.staged.sh(f"chown root: {PLACE}")
    found = backups.result()
    assert found.ok is bad.ok, found
    assert bad.words in found.summary


def test_one_that_is_too_old(backups: Backups) -> None:
    backups.dump()
    backups.staged.sh(f"touch -d '-30 hours' {_FILE}")
    found = backups.result()
    assert (found.ok, "30.0 h old; 26 h are allowed" in found.summary) == (False, True), found.summary


def test_a_young_copy_of_an_old_dump(backups: Backups) -> None:
    backups.dump(then="sed -i 's/^-- Dump completed on .*/-- Dump completed on 2026-01-02  8:00:00/' agency.sql")
    found = backups.result()
    assert (found.ok, "a young copy of an old dump" in found.summary) == (False, True), found.summary


def test_one_that_is_being_written(backups: Backups) -> None:
    backups.dump()
    backups.staged.sh(f"( for i in $(seq 200); do echo '-- more' >> {_FILE}; sleep 0.1; done ) >/dev/null 2>&1 &")
    found = backups.result()
    assert (found.ok, "still being written" in found.summary) == (None, True), found.summary


def test_a_missing_table_and_half_of_the_rows(backups: Backups) -> None:
    backups.dump("agency.sql", "--ignore-table=agency.visits", "agency")
    missing = backups.result()
    assert missing.ok is not True
    assert any("visits is missing" in line for line in missing.evidence)
    backups.staged.sh("mariadb agency -e 'create table visits_half as select * from visits'")
    backups.staged.sh("mariadb agency -e 'delete from visits where id > 1000'")
    backups.dump()
    backups.staged.sh("mariadb agency -e 'replace into visits select * from visits_half; drop table visits_half'")
    half = backups.result()
    assert half.ok is False
    assert any("visits has 1000 rows, live 2000" in line for line in half.evidence)


def test_rows_that_are_younger_than_the_backup_are_no_loss(backups: Backups) -> None:
    backups.dump()
    young = "insert into visits (page, created_at) select 'new', now() from seq_1_to_500"
    backups.staged.sh(f'mariadb agency -e "{young}"')
    found = backups.result()
    assert found.ok is True, found


def test_rows_that_are_all_gone(backups: Backups) -> None:
    backups.dump("agency.sql", "--where=1=0", "agency")
    found = backups.result()
    assert found.ok is False
    assert any("payments has 0 rows, live 40" in line for line in found.evidence)


def test_a_live_database_that_does_not_answer(backups: Backups) -> None:
    backups.dump()
    try:
        backups.staged.sh("systemctl stop mariadb")
        found = backups.result()
    finally:
        backups.staged.sh("systemctl start mariadb")
    assert (found.ok, "compared with nothing" in found.summary) == (None, True), found.summary


def test_a_host_that_is_production_is_never_restored_on(backups: Backups) -> None:
    backups.dump()
    settings = {"files": f"{PLACE}/*"}
    inventory = backups.staged.inventory_with(backup=settings, production=True)
    ended = backups.cli(
        "invoke", "maintain.weekly", "--host", backups.staged.name, "--inventory", str(inventory), "--json"
    )
    (found,) = (each for each in json.loads(ended.out)["subjects"][0]["results"] if each["item"] == "backup")
    assert (ended.code, found["ok"]) == (5, None)
    assert "is production" in found["summary"]


# -- hostile ones ------------------------------------------------------------------------------------------------------

_HOSTILE = {
    "drops the live database": "create database if not exists agency; use agency; drop database agency;",
    "shell": "select 1;\n\\! touch /tmp/hostile\n",
    "system": "select 1;\nsystem touch /tmp/hostile\nselect 2;",
    "tee": "tee /tmp/hostile\nselect 1;",
    "source": "source /home/forge/agency-platform/.env\n",
    "log file": "set global general_log_file = '/tmp/hostile'; set global general_log = 1;",
    "outfile": "select 'x' into outfile '/tmp/hostile';",
    "infile": "create table t (a text); load data infile '/etc/passwd' into table t;",
    "local infile": "create table t (a text); load data local infile '/etc/passwd' into table t;",
    "data directory": "create table t (a int) data directory = '/tmp'; insert into t values (1);",
    "plugin": "install soname 'ha_federatedx';",
    "own account": (
        "insert into mysql.global_priv values ('%', 'x', '{\"access\": 18446744073709551615}');\nflush privileges;"
    ),
    "definer": "create definer = root@localhost procedure p() set global general_log = 1;\ncall p();",
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_dump_reaches_nothing(backups: Backups, name: str) -> None:
    backups.write("agency.sql", _HOSTILE[name])
    backups.staged.sh("rm -rf /tmp/hostile; touch /tmp/before")
    live, before = backups.live(), backups.staged.bystanders()
    found = backups.result()
    assert found.ok is not True, found
    assert backups.live() == live
    assert backups.staged.bystanders() == before
    assert backups.staged.sh("find /tmp /home/forge -newer /tmp/before -type f -not -path '*/storage/*'").strip() == ""


def test_nothing_of_the_data_is_in_an_error(backups: Backups) -> None:
    backups.write("agency.sql", "select * from nowhere where a = 'Frieda Geheim' frm;")
    ended = backups.weekly()
    assert "ERROR 1064" in ended.out
    assert "Geheim" not in ended.out + ended.err


# -- cut short ---------------------------------------------------------------------------------------------------------

_ONE_OF_OURS = r"""
for p in /proc/[0-9]*; do
  [ "$(stat -c %U $p 2>/dev/null)" = forge ] || continue
  tr '\0' ' ' 2>/dev/null <$p/cmdline | grep -qE '/var/tmp/remediate-|place=' && echo ${p#/proc/} || true
done | shuf -n 1
"""
"""A process of the restore, in the container: by its arguments, which name the directory or are the program."""


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(times(ci=3, soak=60)))
def test_killed_at_any_moment_it_leaves_nothing(backups: Backups, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # which moment, no secret
    backups.dump()
    backups.start()
    backups.until_it_begins()
    time.sleep(chance.uniform(0, 4))
    signal = chance.choice(("KILL", "TERM", "HUP"))
    backups.staged.sh(f'p=$({_ONE_OF_OURS}); [ -z "$p" ] || kill -{signal} $p || true')
    ended = backups.running.end()
    assert backups.clean_within(20), backups.left()
    assert ended.code in {0, 5}
    assert yaml.safe_load(ended.out)["subjects"][0]["results"], ended.out


def test_when_nobody_waits_any_more_it_ends_and_leaves_nothing(backups: Backups) -> None:
    backups.dump()
    backups.start()
    backups.until_it_begins("mariadb")
    backups.running.process.kill()
    backups.staged.sh("pkill -KILL -u forge -x sshd || true")
    assert backups.clean_within(40), backups.left()


def test_one_that_takes_too_long_is_ended(backups: Backups) -> None:
    backups.write("agency.sql", "do sleep(100);")
    found = backups.result(seconds=30)
    assert (found.ok, "exceeded its time limit" in found.summary) == (None, True), found.summary
