"""Examination of hosts: one survey, isolated failures, stored results."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest

from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.playbook import Probes
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode
from remediate.maintenance import examine as module
from remediate.maintenance.examine import Examiner
from remediate.maintenance.history import History
from remediate.maintenance.item import Duty, Elsewhere, Finding, Item, Seen
from remediate.maintenance.items.capacity import Capacity
from remediate.maintenance.items.runbook_review import RunbookReview, Use
from remediate.maintenance.report import TEAM, MaintenanceReport
from remediate.maintenance.schedule import Occasion
from remediate.maintenance.settings import MaintenanceSettings
from remediate.probes.filesystems import DiskSpace, DiskSpaceState, FileSystem
from remediate.probes.laravel import App
from remediate.testing.scripted import ScriptedRounds
from support import examples as ex
from support.scripted import FactSession
from support.toy_maintenance import DAY, NOW

ROOM = DiskSpace(limit=95)
HALF = FileSystem(mount="/", used_kib=500, available_kib=500, percent=50, inodes_percent=9)
STATE = DiskSpaceState(systems=(HALF,), limit=95)
APP = App(path="/srv/app", user="forge", php="php8.2")


def host(name: str = "web1", **settings: object) -> Host:
    stated = {"php": "php8.2", "app_path": "/srv/app", **settings}
    return Host(name=name, ssh=SshTarget(address=f"{name}.example.com"), settings=Settings.model_validate(stated))


class Toy(Item):
    """An item of one's own."""

    title = "Toy"
    occasion = Occasion.WEEKLY
    owner = "Ana"

    def __init__(self, name: str = "toy") -> None:
        self.name = name  # type: ignore[misc]  # several of one kind

    def probes(self, host: Host) -> Probes:
        return (APP,)

    def judge(self, seen: Seen) -> Finding:
        return Finding(ok=True, summary=seen.facts[APP].describe())


class Curious(Toy):
    """Its first answer leads to another question."""

    def further(self, host: Host, facts: Facts) -> Probes:
        assert facts[APP] == ex.APP
        return (ROOM,)

    def judge(self, seen: Seen) -> Finding:
        return Finding(ok=True, summary=seen.facts[ROOM].describe())


class Lost(Toy):
    """The inventory does not say what it would have to."""

    def probes(self, host: Host) -> Probes:
        raise ConfigurationError("remediate.backup is missing")


class Buggy(Toy):
    def judge(self, seen: Seen) -> Finding:
        raise ZeroDivisionError("division by zero")


class Far(Toy):
    """Asks another host."""

    def elsewhere(self, host: Host) -> Elsewhere | None:
        return Elsewhere("spare", (ROOM,), 60)

    def judge(self, seen: Seen) -> Finding:
        return Finding(ok=None if seen.elsewhere is None else True, summary=seen.trouble or "asked")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History.open(f"sqlite:///{tmp_path}/journal.sqlite3", project="shop") as opened:
        yield opened


class Looking:
    """An examiner of scripted hosts."""

    def __init__(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
        self.history = history
        self._patch = monkeypatch
        self.hosts = {"web1": host(), "spare": host("spare", production=False)}
        self.sessions = {name: FactSession({ROOM: STATE, APP: ex.APP}) for name in self.hosts}
        self.settings = MaintenanceSettings()
        self.connect = lambda host: self.sessions[host.name]

    def __call__(
        self, *duties: Duty, occasion: Occasion = Occasion.WEEKLY, uses: Sequence[Use] = ()
    ) -> MaintenanceReport:
        self._patch.setattr(module, "of_occasion", lambda _: duties)
        examiner = Examiner(
            history=self.history,
            settings=self.settings,
            find=self.hosts.__getitem__,
            connect=self.connect,
            controller=FactSession({}),
            clock=lambda: NOW,
        )
        about_hosts = any(isinstance(duty, Item) for duty in duties)
        report = examiner.examine(occasion, [self.hosts["web1"]] if about_hosts else [], uses)
        self.history.keep(report)
        return report


@pytest.fixture
def look(history: History, monkeypatch: pytest.MonkeyPatch) -> Looking:
    return Looking(history, monkeypatch)


def test_all_items_share_one_survey(look: Looking) -> None:
    report = look(Toy("one"), Toy("two"))
    assert look.sessions["web1"].surveys == 1
    assert look.sessions["web1"].closed
    assert [(each.item, each.ok, each.owner) for each in report.subjects[0].results] == [
        ("one", True, "Ana"),
        ("two", True, "Ana"),
    ]
    assert report.exit_code == 0


def test_what_the_answers_lead_to_is_asked_in_a_second_one(look: Looking) -> None:
    report = look(Curious())
    assert look.sessions["web1"].surveys == 2
    assert report.subjects[0].results[0].summary == STATE.describe()


def test_an_item_that_cannot_say_costs_the_others_nothing(look: Looking) -> None:
    report = look(Lost("lost"), Buggy("buggy"), Toy("well"))
    assert [(each.item, each.ok, each.summary) for each in report.subjects[0].results] == [
        ("lost", None, "remediate.backup is missing"),
        ("buggy", None, "a bug in it or in remediate: ZeroDivisionError: division by zero"),
        ("well", True, ex.APP.describe()),
    ]
    assert report.exit_code == 5


def test_what_cannot_be_read_is_not_known(look: Looking) -> None:
    look.sessions["web1"] = FactSession({ROOM: STATE})
    (found,) = look(Toy()).subjects[0].results
    assert found.ok is None
    assert "the test does not state it" in found.summary


def test_a_host_that_is_not_reached_goes_on_being_due(look: Looking) -> None:
    look.sessions["web1"] = FactSession({}, unreachable=UnreachableCode.REFUSED)
    report = look(Toy())
    assert report.exit_code == 5
    assert report.subjects[0].error is not None
    assert report.subjects[0].results == ()
    assert look.history.latest() == (report,)
    assert look.history.done() == {}, "nobody looked at it"


def test_an_odd_answer_of_one_host_costs_no_other_host_anything(look: Looking) -> None:
    class Odd(Toy):
        def further(self, host: Host, facts: Facts) -> Probes:
            raise KeyError("maybe")

    def odd(host: Host) -> FactSession:
        raise KeyError("maybe")

    report = look(Odd(), Toy("well"))
    assert [(each.ok, each.summary) for each in report.subjects[0].results] == [
        (None, "a bug in it or in remediate: KeyError: 'maybe'"),
        (True, ex.APP.describe()),
    ]
    look.connect = odd
    report = look(Toy())
    assert report.subjects[0].error == "a bug in it or in remediate: KeyError: 'maybe'"


def test_another_host_is_asked_unless_it_is_production(look: Looking) -> None:
    assert look(Far()).subjects[0].results[0].ok is True
    assert look.sessions["spare"].surveys == 1
    look.sessions["spare"] = FactSession({}, unreachable=UnreachableCode.TIMEOUT)
    (lost,) = look(Far()).subjects[0].results
    assert (lost.ok, lost.summary.startswith("spare: ")) == (None, True)
    look.hosts["spare"] = host("spare")
    look.sessions["spare"] = FactSession({ROOM: STATE})
    (refused,) = look(Far()).subjects[0].results
    assert (refused.ok, refused.summary) == (None, "spare is production: nothing is tried out there")
    assert look.sessions["spare"].execs == 0


def test_how_full_disks_are_is_kept_whatever_it_was_about(look: Looking) -> None:
    look(Toy())
    kept = look.history.past(Occasion.MONTHLY, "web1", "capacity", since=NOW - DAY)
    assert {name: [point.value for point in points] for name, points in kept.samples.items()} == {
        "/": [50],
        "/ inodes": [9],
    }


def test_a_monthly_look_keeps_each_number_once(look: Looking) -> None:
    report = look(Capacity(), occasion=Occasion.MONTHLY)
    assert report.subjects[0].results[0].ok is None, "one day tells nothing"
    kept = look.history.past(Occasion.MONTHLY, "web1", "capacity", since=NOW - DAY)
    assert [len(points) for points in kept.samples.values()] == [1, 1]


def test_owners_are_those_of_the_configuration(look: Looking) -> None:
    look.settings = MaintenanceSettings(owners={"capacity": "Ben"})
    assert look(Capacity(), occasion=Occasion.MONTHLY).subjects[0].results[0].owner == "Ben"


def test_the_team_s_runbook_is_looked_at_without_a_host(look: Looking) -> None:
    use = Use(playbook="app-down", rehearsed=NOW - 40 * DAY, current=True, passed=True)
    report = look(RunbookReview(), occasion=Occasion.QUARTERLY, uses=[use])
    assert (report.subjects[0].name, report.exit_code) == (TEAM, 0)
    look.settings = MaintenanceSettings(rehearsed_within_days=30)
    assert look(RunbookReview(), occasion=Occasion.QUARTERLY, uses=[use]).exit_code == 5


def test_a_secret_in_an_answer_is_masked_before_it_is_kept(look: Looking) -> None:
    class Talkative(Toy):
        def judge(self, seen: Seen) -> Finding:
            return Finding(ok=False, summary="connect to mysql://agency:s3cr3t-pass@db/agency failed")

    report = look(Talkative())
    assert "s3cr3t-pass" not in report.model_dump_json()
    assert "s3cr3t-pass" not in look.history.latest()[0].model_dump_json()


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_lets_go_of_every_host(look: Looking) -> None:
    closed, answered = Event(), list[bool]()

    class Endless(FactSession):
        """Answers nothing until its door is closed."""

        def begin(self, *_: object, **__: object) -> ScriptedRounds:
            os.kill(os.getpid(), signal.SIGINT)
            answered.append(closed.wait(10))
            raise Unreachable(UnreachableCode.LOST, "closed")

        def close(self) -> None:
            closed.set()
            super().close()

    look.sessions["spare"] = Endless({ROOM: STATE})
    with pytest.raises(KeyboardInterrupt):
        look(Far())
    assert answered == [True], "a restore that is under way would be waited for"
    assert look.history.latest() == ()
