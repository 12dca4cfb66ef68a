"""The journal: durable before acting, what is written comes back, one-line errors."""

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediate.errors import ConfigurationError, JournalError
from remediate.journal.journal import Journal
from remediate.journal.models import RunEnd
from remediate.journal.run_id import new_run_id
from support.journals import NOON, SECRET, intent, one_line, record

# What is written comes back


def test_a_run_is_kept_from_its_beginning_to_its_end(journal: Journal) -> None:
    run = record(reason="pager")
    journal.begin(run)
    first = intent(run.id, params='{"unit": "nginx.service"}', commands='[{"argv": ["systemctl", "restart"]}]')
    journal.intend(first)
    assert journal.open_intents() == (first,)

    journal.conclude(run.id, "web1", 1, "proven", "new InvocationID")
    journal.finish(run.id, RunEnd(verdict="fixed", exit_code=0, touched="yes", finished=NOON, report='{"schema": 1}'))

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
    journal.finish(runs[1].id, RunEnd(verdict="refused", exit_code=3, touched="no", finished=NOON, report="{}"))

    listed = journal.runs()
    assert [one.id for one in listed] == [runs[1].id, runs[2].id, runs[0].id]
    assert [one.unfinished for one in listed] == [False, True, True]
    assert journal.runs(limit=1) == listed[:1]


def test_another_process_sees_what_was_written(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    with Journal.open() as other:
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
    journal.finish(run.id, RunEnd(verdict="fixed", exit_code=0, touched="yes", finished=NOON, report="first"))
    with pytest.raises(JournalError, match="finished already"):
        journal.finish(run.id, RunEnd(verdict="unknown", exit_code=7, touched="yes", finished=NOON, report="second"))
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
        journal.finish("x", RunEnd(verdict="fixed", exit_code=0, touched="no", finished=naive, report=""))


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
