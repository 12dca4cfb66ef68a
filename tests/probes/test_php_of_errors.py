"""The PHP program for errors, run by a real PHP on Laravel's logs."""

import gzip
import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from remediate.errors import Unreadable
from remediate.probes.error_log import PERIOD, PERIODS, ErrorLog, ErrorLogState
from support.error_logs import APP, asked, at, channels, entry, log, thrown
from support.this_machine import command_of

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")

HOUR: Final = 3600


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/autoload.php").write_text("<?php\n")
    (tmp_path / "bootstrap").mkdir()
    (tmp_path / "bootstrap/app.php").write_text(APP)
    (tmp_path / "storage/logs").mkdir(parents=True)
    channels(tmp_path, single={"driver": "single", "path": str(log(tmp_path))})
    return tmp_path


def names(state: ErrorLogState) -> dict[str, int]:
    return {group.name: sum(group.counts) for group in state.groups}


def test_errors_are_counted_by_class_and_place(app: Path) -> None:
    log(app).write_text(
        thrown(app, 9 * 24 * HOUR)
        + thrown(app, 30 * HOUR)
        + entry(20 * HOUR, "nothing to see", "INFO")
        + thrown(app, 2 * HOUR)
        + thrown(app, HOUR, r"Illuminate\\Database\\QueryException", "/usr/share/php/Illuminate/Connection.php:712")
        + thrown(app, HOUR, place="app/Other.php:3")
    )
    os.utime(log(app), (time.time() - HOUR,) * 2)
    state = asked(app)
    assert names(state) == {
        r"ERROR App\Exceptions\Declined at app/Pay.php:12": 2,
        r"ERROR App\Exceptions\Declined at app/Other.php:3": 1,
        r"ERROR Illuminate\Database\QueryException at app/Jobs/Charge.php:31": 1,
    }
    first = state.groups[0]
    assert (first.count(1), first.count(8), first.count(PERIODS)) == (1, 1, 2)
    assert first.last - first.first == pytest.approx(28 * HOUR, abs=5)
    assert (state.records, state.strange, state.future, state.slip, state.others) == (5, 0, 0, 0, 0)
    assert state.now - state.reaches == PERIODS * PERIOD
    assert state.describe() == "4 errors of 3 kinds within 7 days"


def test_of_messages_only_plain_words_leave_the_host(app: Path) -> None:
    lines = (
        "Payment 4711 of jane@example.com failed: key=s3cr3t",
        "Payment 4712 of joe@example.com failed: key=0ther",
        "Cannot reach 'Jane Doe' at https://user:s3cr3t@example.com/x?y=1 now",
        'Order refused {"name":"Jane Doe","card":"4242424242424242"} ',
        "s3cr3t",
    )
    log(app).write_text("".join(entry(60, line, "CRITICAL") for line in lines))
    assert names(asked(app)) == {
        "CRITICAL Payment # of # failed: #": 2,
        "CRITICAL Cannot reach # at # now": 1,
        "CRITICAL Order refused": 1,
        "CRITICAL #": 1,
    }


def test_nothing_of_a_message_comes_with_a_class(app: Path) -> None:
    log(app).write_text(thrown(app, 60))
    said = asked(app).model_dump_json()
    assert not any(word in said for word in ("s3cr3t", "jane", "declined", "select"))


def test_rotated_files_are_read_and_others_are_not(app: Path) -> None:
    log(app).write_text(thrown(app, HOUR))
    log(app, "laravel.log.1").write_text(thrown(app, 2 * HOUR))
    log(app, "laravel-2026-11-22.log").write_text(thrown(app, 3 * HOUR))
    log(app, "worker.log").write_text(thrown(app, HOUR))
    log(app, "laravel-old.log").write_text(thrown(app, HOUR))
    old = log(app, "laravel-2026-11-01.log")
    old.write_text(thrown(app, HOUR))
    os.utime(old, (time.time() - 9 * 24 * HOUR,) * 2)
    state = asked(app)
    assert sorted(state.files) == ["laravel-2026-11-22.log", "laravel.log", "laravel.log.1"]
    assert sum(names(state).values()) == 3


def test_what_is_compressed_is_said_to_be_unread(app: Path) -> None:
    log(app).write_text(thrown(app, HOUR))
    packed = log(app, "laravel.log.2.gz")
    packed.write_bytes(gzip.compress(thrown(app, 30 * HOUR).encode()))
    os.utime(packed, (time.time() - 5 * HOUR,) * 2)
    state = asked(app)
    assert state.unread == ("laravel.log.2.gz",)
    assert state.now - state.reaches == pytest.approx(5 * HOUR, abs=5)


def test_a_long_log_is_read_from_its_end(app: Path) -> None:
    with log(app).open("w") as file:
        for number in range(6000, 0, -1):
            file.write(thrown(app, number * 10))
    assert log(app).stat().st_size > 3 << 20
    whole = asked(app)
    assert (sum(names(whole).values()), whole.now - whole.reaches) == (6000, PERIODS * PERIOD)
    cut = asked(app, most=1 << 20)
    assert 1000 < sum(names(cut).values()) < 3000
    assert cut.now - cut.reaches == pytest.approx(10 * sum(names(cut).values()), abs=12)
    late = asked(app, patience=0)
    assert names(late) == {}
    assert late.reaches == pytest.approx(late.now, abs=5)


def test_an_entry_of_megabytes_is_one(app: Path) -> None:
    log(app).write_text(thrown(app, 90) + entry(60, "x " * 2_500_000) + thrown(app, 30))
    assert sum(names(asked(app)).values()) == 3


def test_json(app: Path) -> None:
    def line(context: object, message: str = "m 1", level: str = "ERROR") -> str:
        when = datetime.fromtimestamp(time.time() - 60, UTC).isoformat()
        known = {"message": message, "context": context, "level": 400, "level_name": level, "channel": "p"}
        return json.dumps({**known, "datetime": when, "extra": {}}, separators=(",", ":")) + "\n"

    raised = {"class": r"App\Gone", "message": "s3cr3t", "code": 0, "file": f"{app}/app/A.php:3", "trace": []}
    log(app).write_text(line({"exception": raised}) * 2 + line({}) + line({}, level="DEBUG") + '{"message":"half\n')
    state = asked(app)
    assert names(state) == {r"ERROR App\Gone at app/A.php:3": 2, "ERROR m #": 1}
    assert (state.records, state.strange) == (4, 1)


def test_what_has_no_known_format_is_counted(app: Path) -> None:
    log(app).write_text("some text\nand more\n")
    assert (asked(app).strange, asked(app).records) == (2, 0)
    bad = "[2026-13-45 99:99:99] production.ERROR: no such day\n"
    fatal = "[23-Nov-2026 02:51:10 UTC] PHP Fatal error:  Uncaught Error\n"
    log(app).write_text(entry(90, "A", "INFO") + fatal + bad + entry(60, "B"))
    state = asked(app)
    assert (state.strange, names(state)) == (2, {"ERROR B": 1})


def test_the_text_of_a_message_is_no_entry(app: Path) -> None:
    log(app).write_text(entry(60, 'Client error: 401\n{"message":"Unauthenticated."}\n[] []\n'))
    state = asked(app)
    assert (state.strange, names(state)) == (0, {"ERROR Client error: #": 1})


@pytest.mark.parametrize(("hours", "slip"), [(0, 0), (2, 120), (-2, -120), (5.5, 330)])
def test_a_log_of_another_time_zone_gives_itself_away(app: Path, hours: float, slip: int) -> None:
    log(app).write_text(thrown(app, hours * HOUR))
    state = asked(app)
    assert (state.slip, state.future, state.zone) == (slip, 1 if hours < 0 else 0, "UTC")


def test_entries_with_a_zone_of_their_own(app: Path) -> None:
    when = datetime.fromtimestamp(time.time() - 60, UTC)
    log(app).write_text(f"[{when:%Y-%m-%dT%H:%M:%S.%f}+00:00] production.ERROR: A\n")
    assert names(asked(app)) == {"ERROR A": 1}


def test_releases_of_a_deploy_are_one_place(app: Path) -> None:
    for number in (1, 2):
        (app / f"releases/{number}").mkdir(parents=True)
    (app / "releases/2/vendor").symlink_to(app / "vendor")
    (app / "releases/2/bootstrap").symlink_to(app / "bootstrap")
    (app / "current").symlink_to(app / "releases/2")
    log(app).write_text(
        thrown(app, 60, place=f"{app}/releases/1/app/Pay.php:12")
        + thrown(app, 50, place=f"{app}/releases/2/app/Pay.php:12")
    )
    channels(app, single={"driver": "single", "path": str(log(app))})
    assert names(asked(app / "current")) == {r"ERROR App\Exceptions\Declined at app/Pay.php:12": 2}


def test_many_kinds_stay_below_what_an_answer_may_have(app: Path) -> None:
    long = "Very" * 25
    log(app).write_text("".join(thrown(app, 60, place=f"app/{long}{number}.php:1") for number in range(3000)))
    state = asked(app)
    assert (len(state.groups), state.others) == (40, 2960)


def test_a_stack_that_has_a_file(app: Path) -> None:
    log(app).write_text(thrown(app, 60))
    channels(
        app,
        "stack",
        stack={"driver": "stack", "channels": ["syslog", "daily"]},
        syslog={"driver": "syslog"},
        daily={"driver": "daily", "path": str(log(app))},
    )
    assert len(asked(app).groups) == 1


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"driver": "syslog"}, "single is a channel of the driver syslog"),
        ({}, "single is a channel of the driver ?"),
        ({"driver": "single", "path": "/x", "level": "critical"}, "single keeps nothing below critical"),
        ({"driver": "single", "path": "/nonexistent/x.log"}, "there is no /nonexistent"),
    ],
)
def test_a_log_that_is_not_there_is_unreadable(app: Path, channel: dict[str, object], said: str) -> None:
    channels(app, single=channel)
    with pytest.raises(Unreadable, match=said.replace("?", r"\?")):
        asked(app)


def test_no_file_yet_is_unreadable(app: Path) -> None:
    with pytest.raises(Unreadable, match=r"no error yet, or it is kept elsewhere"):
        asked(app)


def test_an_application_that_does_not_start_cannot_say_where_it_logs(app: Path) -> None:
    (app / "bootstrap/app.php").write_text("<?php throw new DomainException('s3cr3t');\n")
    with pytest.raises(Unreadable, match=r"it does not start: DomainException$"):
        asked(app)


def test_an_empty_file_holds_no_errors(app: Path) -> None:
    log(app).touch()
    state = asked(app)
    assert (state.groups, state.strange, state.now - state.reaches) == ((), 0, PERIODS * PERIOD)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize(("driver", "name"), [("single", "laravel.log"), ("daily", f"laravel-{at(0)[:10]}.log")])
def test_a_log_that_only_another_user_may_write_is_silent(app: Path, driver: str, name: str) -> None:
    channels(app, single={"driver": driver, "path": str(log(app))})
    log(app, "laravel.log.1").write_text(thrown(app, 60))
    assert asked(app).writable is True
    log(app, name).touch()
    assert asked(app).writable is True
    log(app, name).chmod(0o444)
    assert asked(app).writable is False
    log(app, name).unlink()
    log(app).parent.chmod(0o555)
    assert asked(app).writable is False
    log(app).parent.chmod(0o755)


def test_the_command_is_a_program_with_arguments() -> None:
    run = command_of(ErrorLog(php="php8.2", path="/srv/app", user="forge"))
    assert run.argv[4:] == ("/srv/app", "56", "10800", "268435456", "15")
    assert run.user == "forge"
