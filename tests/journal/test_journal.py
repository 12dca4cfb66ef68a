"""The journal: durable before acting, private, shared, with one-line errors."""

import json
import os
import pickle
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediate.errors import ConfigurationError, JournalError
from remediate.journal import database
from remediate.journal.journal import FILE_NAME, Journal
from remediate.journal.models import Intent, RunRecord
from remediate.journal.run_id import new_run_id
from remediate.journal.schema import EARLIER

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
JOURNALS = Path(__file__).with_name("journals")
SECRET = "canary-5f1e"

IN_A_PROCESS = """
import os, signal, sys
from datetime import UTC, datetime
from remediate.errors import JournalError
from remediate.journal.journal import Intent, Journal, RunRecord
import remediate.journal.database

NOW = datetime.now(UTC)

def record(run):
    return RunRecord(id=run, started=NOW, mode="fix", playbook="p", operator="o", hosts=("web1",), version="1")

def intent(run, position):
    return Intent(
        run=run, host="web1", position=position, remedy="r", params="{}", commands="[]", intended_at=NOW
    )
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "state"
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(directory))
    return directory


@pytest.fixture
def journal() -> Iterator[Journal]:
    with closing(Journal.open()) as opened:
        yield opened


def record(run: str | None = None, *, started: datetime = NOON, reason: str | None = None) -> RunRecord:
    return RunRecord(
        id=run or new_run_id(),
        started=started,
        mode="fix",
        playbook="app-down",
        operator="ana",
        hosts=("web1", "web2"),
        version="0.1.0",
        reason=reason,
    )


def intent(run: str, position: int = 1, *, host: str = "web1", params: str = "{}", commands: str = "[]") -> Intent:
    return Intent(
        run=run,
        host=host,
        position=position,
        remedy="nginx.restart",
        params=params,
        commands=commands,
        intended_at=NOON,
    )


def in_a_process(script: str, *arguments: object) -> str:
    # Not measured: some of these processes may not write a file when they end, which coverage would.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IN_A_PROCESS + script, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    text = str(error.value)
    assert len(text.splitlines()) == 1
    return text


# What is written comes back


def test_a_run_is_kept_from_its_beginning_to_its_end(journal: Journal) -> None:
    run = record(reason="pager")
    journal.begin(run)
    first = intent(run.id, params='{"unit": "nginx.service"}', commands='[{"argv": ["systemctl", "restart"]}]')
    journal.intend(first)
    assert journal.open_intents() == (first,)

    journal.conclude(run.id, "web1", 1, "proven", "new InvocationID")
    journal.finish(run.id, verdict="fixed", exit_code=0, touched="yes", finished=NOON, report='{"schema": 1}')

    stored = journal.find(run.id)
    assert (stored.id, stored.started, stored.mode, stored.playbook) == (run.id, NOON, "fix", "app-down")
    assert (stored.operator, stored.hosts, stored.version) == ("ana", ("web1", "web2"), "0.1.0")
    assert (stored.reason, stored.incident) == ("pager", None)
    assert (stored.verdict, stored.exit_code, stored.touched) == ("fixed", 0, "yes")
    assert (stored.finished, stored.report, stored.unfinished) == (NOON, '{"schema": 1}', False)
    (step,) = stored.steps
    assert (step.intent, step.outcome, step.evidence) == (first, "proven", "new InvocationID")
    assert step.finished is not None
    assert abs(step.finished - datetime.now(UTC)) < timedelta(minutes=1)
    assert journal.open_intents() == ()


def test_runs_are_listed_newest_first_and_unfinished_ones_are_seen_as_such(journal: Journal) -> None:
    runs = [record(started=NOON + timedelta(minutes=minute)) for minute in (1, 3, 2)]
    for run in runs:
        journal.begin(run)
    journal.finish(runs[1].id, verdict="refused", exit_code=3, touched="no", finished=NOON, report="{}")

    listed = journal.runs()
    assert [one.id for one in listed] == [runs[1].id, runs[2].id, runs[0].id]
    assert [one.unfinished for one in listed] == [False, True, True]
    assert journal.runs(limit=1) == listed[:1]


def test_another_process_sees_what_was_written(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    with closing(Journal.open()) as other:
        assert other.runs() == journal.runs()


def test_a_step_may_be_tried_again_once_its_attempt_was_concluded(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    for outcome in ("not_run", "proven"):
        journal.intend(intent(run.id))
        journal.conclude(run.id, "web1", 1, outcome, "")
    assert [step.outcome for step in journal.find(run.id).steps] == ["not_run", "proven"]


def test_open_intents_can_be_asked_for_one_host(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    mine, other = intent(run.id), intent(run.id, host="web2")
    journal.intend(mine)
    journal.intend(other)
    assert journal.open_intents() == (mine, other)
    assert journal.open_intents(host="web2") == (other,)


def test_every_value_pickles_and_is_frozen(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    journal.intend(intent(run.id))
    for value in (run, intent(run.id), journal.runs()[0], journal.find(run.id), JournalError("the journal x")):
        copy = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
        assert copy == value or str(copy) == str(value)
    with pytest.raises(AttributeError):
        run.playbook = "other"  # type: ignore[misc]


# What does not fit is refused, and no value is quoted


def test_an_intent_without_a_run_is_refused(journal: Journal) -> None:
    with pytest.raises(JournalError, match="has not begun") as error:
        journal.intend(intent(new_run_id(), params=json.dumps({"key": SECRET})))
    assert SECRET not in one_line(error)


def test_a_step_that_is_still_open_is_not_intended_twice(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    journal.intend(intent(run.id))
    with pytest.raises(JournalError, match="still open"):
        journal.intend(intent(run.id))


def test_a_run_begins_and_finishes_once(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    with pytest.raises(JournalError, match="already begun"):
        journal.begin(run)
    journal.finish(run.id, verdict="fixed", exit_code=0, touched="yes", finished=NOON, report="first")
    with pytest.raises(JournalError, match="finished already"):
        journal.finish(run.id, verdict="unknown", exit_code=7, touched="yes", finished=NOON, report="second")
    assert journal.find(run.id).report == "first"


def test_only_an_open_step_is_concluded(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    journal.intend(intent(run.id))
    journal.conclude(run.id, "web1", 1, "unknown", "first")
    with pytest.raises(JournalError, match="not open") as error:
        journal.conclude(run.id, "web1", 1, "proven", SECRET)
    assert SECRET not in one_line(error)
    assert journal.find(run.id).steps[0].evidence == "first"


@pytest.mark.parametrize(
    ("params", "commands"), [(SECRET, "[]"), ("[]", "[]"), ("{}", "{}"), ("{}", '"x"'), ('{"a": NaN}', "[]"), ("", "")]
)
def test_an_intent_holds_only_json_of_the_right_shape(params: str, commands: str) -> None:
    with pytest.raises(ValueError, match="JSON object") as error:
        intent("run", params=params, commands=commands)
    assert SECRET not in str(error.value)


def test_a_moment_without_a_zone_is_refused(journal: Journal) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        record(started=naive)
    with pytest.raises(ValueError, match="time zone"):
        journal.finish("x", verdict="fixed", exit_code=0, touched="no", finished=naive, report="")


# Texts and times survive


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    text=st.text(),
    data=st.dictionaries(
        st.text(), st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
    ),
)
def test_any_text_is_stored_and_comes_back(journal: Journal, text: str, data: dict[str, object]) -> None:
    run = record(reason=text)
    journal.begin(run)
    meant = intent(run.id, host=f"h{text}", params=json.dumps(data), commands=json.dumps([text]))
    journal.intend(meant)
    journal.conclude(run.id, meant.host, 1, "proven", text)
    stored = journal.find(run.id)
    visible = text.replace("\x00", "\\x00")
    assert (stored.reason, stored.steps[0].evidence) == (visible, visible)
    assert stored.steps[0].intent.params == meant.params
    assert json.loads(stored.steps[0].intent.params) == data
    assert json.loads(stored.steps[0].intent.commands) == [text]


def test_bytes_that_are_not_utf8_become_visible_and_lose_no_record(journal: Journal) -> None:
    run = record(reason=b"caf\xe9 \x00".decode("utf-8", "surrogateescape"))
    journal.begin(run)
    journal.intend(intent(run.id, params=json.dumps({"x": "\udce9\x00"})))
    stored = journal.find(run.id)
    assert stored.reason == "caf\\udce9 \\x00"
    assert json.loads(stored.steps[0].intent.params) == {"x": "\udce9\x00"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    moment=st.datetimes(
        min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(9000, 1, 1),  # noqa: DTZ001
        timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_moments_come_back_in_utc_to_the_microsecond(journal: Journal, moment: datetime) -> None:
    run = record(started=moment)
    journal.begin(run)
    stored = journal.find(run.id).started
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


def test_the_order_of_runs_does_not_depend_on_the_zone_they_were_recorded_in(journal: Journal) -> None:
    earlier = record(started=NOON.astimezone(timezone(timedelta(hours=14))))
    later = record(started=(NOON + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=-12))))
    journal.begin(later)
    journal.begin(earlier)
    assert [one.id for one in journal.runs()] == [later.id, earlier.id]


# Short ids


def test_what_is_shown_finds_the_run(journal: Journal) -> None:
    for _ in range(30):
        journal.begin(record())
    for listed in journal.runs(limit=30):
        assert journal.find(listed.shown).id == listed.id
        assert journal.find(listed.shown).shown == listed.shown == journal.shown(listed.id)


def test_an_ambiguous_prefix_names_the_candidates(journal: Journal) -> None:
    runs = [f"01997c1e-5d2a-7c3b-9a41-7f3{digit}0c9be2d4" for digit in "0123456"]
    for run in runs:
        journal.begin(record(run))
    with pytest.raises(ConfigurationError) as error:
        journal.find("7F3")
    assert one_line(error) == ("7 runs begin like that: 7f36, 7f35, 7f34, 7f33, 7f32 and 2 more; give more digits")


def test_an_unknown_prefix_names_the_newest(journal: Journal) -> None:
    with pytest.raises(ConfigurationError, match="none yet"):
        journal.find("7f3a")
    journal.begin(record("01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4"))
    for typed in ("8", "", "%", "' OR 1=1 --"):
        with pytest.raises(ConfigurationError) as error:
            journal.find(typed)
        assert one_line(error) == "no run begins like that; the newest are 7f3a"


# Where it is, and who may read it


def test_directory_and_files_are_private_whatever_the_umask(state: Path) -> None:
    before = os.umask(0)
    try:
        with closing(Journal.open()) as journal:
            journal.begin(record())
            modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in state.iterdir()}
    finally:
        os.umask(before)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert modes == {FILE_NAME: 0o600, f"{FILE_NAME}-wal": 0o600, f"{FILE_NAME}-shm": 0o600}


def test_the_file_never_has_another_mode(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked: list[int] = []
    link = Path.hardlink_to

    def watched(self: Path, target: Path) -> None:
        linked.append(stat.S_IMODE(target.stat().st_mode))
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", watched)
    before = os.umask(0)
    try:
        Journal.open().close()
    finally:
        os.umask(before)
    assert linked == [0o600]
    assert [entry.name for entry in state.iterdir()] == [FILE_NAME]


def test_a_path_is_given_as_url_and_odd_names_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "a b#é" / "j.db"
    with closing(Journal.open(f"sqlite:///{path}")) as journal:
        journal.begin(record())
    assert path.is_file()


def test_without_the_variable_it_is_in_the_users_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", "")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Journal.open().close()
    assert (tmp_path / "remediate" / FILE_NAME).is_file() or sys.platform == "darwin"


def test_commits_are_synced_and_the_log_is_written_ahead(journal: Journal) -> None:
    with journal._database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": database.BUSY_SECONDS * 1000,
    }


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/x?mode=ro",
        f"nonsense {SECRET}",
        f"postgresql://ana:{SECRET}@db:port/x",
        f"nodialect://ana:{SECRET}@db/x",
        f"oracle+oracledb://ana:{SECRET}@db/x",
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        Journal.open(url)
    assert SECRET not in one_line(error)


# Processes and threads


def test_after_kill_9_right_behind_an_intent_the_intent_is_there(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    in_a_process(
        """
for position in range(20):
    child = os.fork()
    if child == 0:
        Journal.open().intend(intent(sys.argv[1], position))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
""",
        run.id,
    )
    assert [one.position for one in journal.open_intents()] == list(range(20))
    assert journal.runs()[0].unfinished


def test_twenty_processes_open_a_new_journal_and_write_at_once(state: Path) -> None:
    in_a_process(
        """
from contextlib import closing
from remediate.journal.run_id import new_run_id
start, go = os.pipe()
children = []
for number in range(20):
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(start, 1)
        with closing(Journal.open()) as journal:
            run = new_run_id()
            journal.begin(record(run))
            for position in range(10):
                journal.intend(intent(run, position))
                journal.conclude(run, "web1", position, "proven", "x")
            journal.finish(run, verdict="fixed", exit_code=0, touched="yes", finished=NOW, report="{}")
        os._exit(0)
    children.append(child)
os.close(go)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 20
"""
    )
    with closing(Journal.open()) as journal:
        runs = journal.runs(limit=100)
        assert len(runs) == 20
        assert not any(run.unfinished for run in runs)
        assert all(len(journal.find(run.shown).steps) == 10 for run in runs)
        assert journal.open_intents() == ()
    assert [entry.name for entry in state.iterdir()] == [FILE_NAME]


def test_threads_share_one_journal(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for position in range(10):
                journal.intend(intent(run.id, position, host=f"web{number}"))
                journal.runs()
                journal.conclude(run.id, f"web{number}", position, "proven", "")
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(journal.find(run.id).steps) == 200


def test_a_journal_is_not_used_across_a_fork() -> None:
    told = in_a_process(
        """
journal = Journal.open()
child = os.fork()
try:
    journal.runs()
except JournalError as error:
    print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
journal.close()
"""
    )
    assert "opened before a fork" in told


def test_a_journal_that_others_hold_too_long_is_told(
    journal: Journal, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(state / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(Journal.open()) as impatient, pytest.raises(JournalError, match="in use by others") as error:
            impatient.begin(record())
        one_line(error)
        assert journal.runs() == ()
        other.execute("ROLLBACK")
    journal.begin(record())


# Faults of the disk


def test_a_full_disk_fails_the_intent_and_nothing_else(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    # The limit belongs to the one connection that is in the pool.
    with journal._database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    meant = intent(run.id, params=json.dumps({"x": SECRET * 10_000}))
    with pytest.raises(JournalError, match="the disk or a quota is full: free some space") as error:
        journal.intend(meant)
    assert SECRET not in one_line(error)
    assert journal.open_intents() == ()
    with journal._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    journal.intend(meant)
    assert journal.open_intents() == (meant,)


def test_a_journal_that_cannot_be_written_in_full_is_not_created(state: Path) -> None:
    told = in_a_process(
        """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    Journal.open()
except JournalError as error:
    print(error)
"""
    )
    assert told.startswith(f"the journal {state / FILE_NAME} cannot be")
    assert list(state.iterdir()) == []


def test_a_directory_that_may_not_be_written_is_told() -> None:
    # Permissions do not bind root: there the child becomes nobody, who could not enter pytest's own directory.
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        told = in_a_process(
            """
base = sys.argv[1]
state = os.path.join(base, "state")
os.environ["REMEDIATE_STATE_DIR"] = state
Journal.open().close()
journal = os.path.join(state, "journal.sqlite3")
if os.getuid() == 0:
    os.chown(state, 65534, 65534)
    os.chown(journal, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def attempt(directory):
    os.environ["REMEDIATE_STATE_DIR"] = directory
    try:
        Journal.open()
    except JournalError as error:
        print(error)

os.chmod(state, 0o500)
attempt(state)
attempt(os.path.join(state, "below"))
os.chmod(journal, 0o000)
attempt(state)
os.chmod(state, 0o000)
attempt(state)
os.chmod(state, 0o700)
""",
            base,
        )
    lines = told.splitlines()
    file = f"the journal {base}/state/{FILE_NAME}"
    assert len(lines) == 4
    assert lines[0].startswith(f"{file} is read-only: look at the owner and mode")
    assert lines[1].startswith(
        f"the journal {base}/state/below/{FILE_NAME} cannot be created (Permission denied): look"
    )
    assert lines[2].startswith(f"{file} cannot be opened: look at the owner and mode")
    assert lines[3].startswith(f"{file} cannot be created (Permission denied): look at the owner and mode")


def test_a_state_directory_that_is_a_file_is_told(state: Path) -> None:
    state.write_text("x")
    with pytest.raises(JournalError, match="cannot be created") as error:
        Journal.open()
    assert str(state) in one_line(error)


@pytest.mark.parametrize("content", [b"not a database at all " * 500, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_journal_is_told_and_left_as_it_is(state: Path, content: bytes) -> None:
    state.mkdir()
    path = state / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(JournalError, match="move it aside") as error:
        Journal.open()
    assert str(path) in one_line(error)
    assert path.read_bytes() == content


def test_a_journal_damaged_inside_is_told_and_left_as_it_is(state: Path) -> None:
    with closing(Journal.open()) as journal:
        for _ in range(200):
            journal.begin(record(reason="x" * 500))
    path = state / FILE_NAME
    whole = path.read_bytes()
    damaged = whole[:4096] + b"\xa5" * (len(whole) - 4096)
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match="damaged"), closing(Journal.open()) as journal:
        journal.runs()
    assert path.read_bytes() == damaged


def test_the_database_of_another_program_is_left_alone(state: Path) -> None:
    state.mkdir()
    with closing(sqlite3.connect(state / FILE_NAME)) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(JournalError, match="another program") as error:
        Journal.open()
    one_line(error)
    with closing(sqlite3.connect(state / FILE_NAME)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


# Versions of the tables


def shape(url: str) -> dict[str, object]:
    """What tables there are, with their columns, keys and indexes."""
    with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).connect() as connection:
        seen = sqlalchemy.inspect(connection)
        return {
            table: [
                {column["name"]: (str(column["type"]), column["nullable"]) for column in seen.get_columns(table)},
                seen.get_pk_constraint(table),
                sorted(map(str, seen.get_foreign_keys(table))),
                sorted(map(str, seen.get_unique_constraints(table))),
                {
                    index["name"]: (
                        index["column_names"],
                        index["unique"],
                        *map(str, index["dialect_options"].values()),
                    )
                    for index in seen.get_indexes(table)
                },
            ]
            for table in seen.get_table_names()
        }


def test_a_journal_of_before_the_first_release_opens_as_it_is(url: str, tmp_path: Path) -> None:
    """Made by six migrations, and by one step now: the same tables, and what is in them stays."""
    kind = url.partition("+")[0].partition(":")[0]
    with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).begin() as connection:
        for statement in (JOURNALS / f"0006.{kind}.sql").read_text().split(";\n"):
            if statement.strip() not in {"", "BEGIN TRANSACTION", "COMMIT"}:
                connection.exec_driver_sql(statement)
    before = shape(url)
    with closing(Journal.open(url)) as journal:
        (run,) = journal.runs()
        assert (run.started, run.playbook, run.hosts) == (NOON, "app-down", ("web1",))
        journal.begin(record())
    assert shape(url) == before
    if kind == "sqlite":
        Journal.open(f"sqlite:///{tmp_path}/new.sqlite3").close()
        assert shape(f"sqlite:///{tmp_path}/new.sqlite3") == before


@pytest.mark.parametrize("version", EARLIER)
def test_an_older_journal_is_set_aside(state: Path, version: str) -> None:
    Journal.open().close()
    with closing(sqlite3.connect(state / FILE_NAME)) as older:
        older.execute("UPDATE alembic_version SET version_num = ?", (version,))
        older.commit()
    with pytest.raises(
        JournalError, match="older than the first release: nothing was overwritten; move it aside"
    ) as error:
        Journal.open()
    one_line(error)


def test_opening_again_changes_nothing_and_importing_it_is_cheap(state: Path) -> None:
    Journal.open().close()
    before = (state / FILE_NAME).read_bytes()
    Journal.open().close()
    assert (state / FILE_NAME).read_bytes() == before
    look = "import sys; from remediate.journal.journal import Journal; print('sqlalchemy' in sys.modules);"
    look += "Journal.open().close(); print('sqlalchemy' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["False", "True"]


def test_an_empty_file_becomes_a_journal(state: Path) -> None:
    state.mkdir()
    (state / FILE_NAME).touch()
    begun = record()
    with closing(Journal.open()) as journal:
        journal.begin(begun)
        assert [run.id for run in journal.runs(limit=5)] == [begun.id]


def test_a_journal_of_a_newer_version_is_refused_and_left_as_it_is(state: Path) -> None:
    Journal.open().close()
    with closing(sqlite3.connect(state / FILE_NAME)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999_later'")
        newer.commit()
    before = (state / FILE_NAME).read_bytes()
    with pytest.raises(ConfigurationError, match="newer version of remediate: upgrade") as error:
        Journal.open()
    one_line(error)
    assert (state / FILE_NAME).read_bytes() == before


def test_tables_that_are_half_made_leave_nothing_behind(state: Path) -> None:
    told = in_a_process(
        """
from sqlalchemy import event
from remediate.journal.schema import steps
child = os.fork()
if child == 0:
    event.listen(steps, "after_create", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    Journal.open()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    )
    assert told.split() == ["-9"]
    with closing(Journal.open()) as journal:
        journal.begin(record())
    assert [entry.name for entry in state.iterdir()] == [FILE_NAME]
