"""Truth table: one named session is ended only if still the same."""

from typing import Final

import pytest
from pydantic import ValidationError

from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, Proven
from remediate.core.services import DatabaseLimits
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.mysql import DbSession
from remediate.probes.mysql_session import OneSession, SessionState
from remediate.programs.database import SessionId, end_session
from remediate.remedies.session import EndSession, ending
from support import examples as ex
from support import toys
from support.hosts import host_with
from support.render import surveyed

SINCE: Final = 1795443941
LOCKS = ex.session(user="ana", blocks=False, suspected=True, transaction=False)
END = EndSession(id=57, user="ana", started=SINCE, application="shop")
LOOK = OneSession(id=57, user="ana", started=SINCE, application="shop")
GONE, ENDING = SessionState(session=None), SessionState(session=None, ending=True)
WRITES = ex.session(user="shop", command="Query", blocks=False, modified=True)
OF_SHOP = END.model_copy(update={"user": "shop"})
LOOK_AT_SHOP = LOOK.model_copy(update={"user": "shop"})


def known(state: SessionState | DbSession) -> dict[Probe[Fact], Fact | Unreadable]:
    return {LOOK: state if isinstance(state, SessionState) else SessionState(session=state)}


def survey(state: SessionState | DbSession) -> Facts:
    return surveyed(known(state))


STATES: dict[str, tuple[DbSession | SessionState, str]] = {
    "may hold a table": (LOCKS, "proceed"),
    "holds locks": (LOCKS.model_copy(update={"blocks": True}), "proceed"),
    "read a second later": (LOCKS.model_copy(update={"started": SINCE + 1}), "proceed"),
    "gone": (GONE, "skip"),
    "keeps nobody waiting": (LOCKS.model_copy(update={"suspected": False}), "skip"),
    "writes, and is not the application": (WRITES.model_copy(update={"user": "ana"}), "skip"),
    "being ended": (ENDING, "wait"),
    "of somebody else": (LOCKS.model_copy(update={"user": "reports"}), "session-changed"),
    "at something else since": (LOCKS.model_copy(update={"started": SINCE + 2}), "session-changed"),
}


@pytest.mark.parametrize("what", STATES)
def test_it_is_ended_only_while_it_is_what_was_named(what: str) -> None:
    state, expected = STATES[what]
    assert toys.decide(END, known(state)) == expected
    if expected == "session-changed":
        assert END.guard(Facts(known(state))).onward == ("check.database-down",)


def test_a_long_statement_of_the_application_that_writes_can_be_ended() -> None:
    verdict = OF_SHOP.guard(Facts({LOOK_AT_SHOP: SessionState(session=WRITES)}))
    assert verdict.decision.value == "proceed"
    assert verdict.reason.endswith("whose changes are undone")
    short = WRITES.model_copy(update={"beyond": False})
    assert toys.decide(OF_SHOP, {LOOK_AT_SHOP: SessionState(session=short)}) == "skip"


def test_what_cannot_be_read_is_not_ended() -> None:
    assert toys.decide(END, {LOOK: Unreadable("not now")}) == "unreadable"


def test_gone_is_the_proof() -> None:
    before, after, same = survey(LOCKS), survey(GONE), survey(LOCKS)
    proof = END.verify(before, after)
    assert isinstance(proof, Proven)
    assert proof.evidence == "57 is gone, unlike before"
    assert not isinstance(END.verify(before, same), Proven)
    assert isinstance(END.verify(before, survey(LOCKS.model_copy(update={"started": SINCE + 9}))), Failed)


@pytest.mark.parametrize(
    "user",
    [
        *("root", "mysql", "mariadb.sys", "debian-sys-maint", "event_scheduler", "repl", "replica", "backup"),
        *("mysqldump", "monitoring", "remediate-db", "a'; x", "", "a b", "%"),
    ],
)
def test_whose_sessions_are_never_ended(user: str) -> None:
    with pytest.raises(ValidationError):
        EndSession(id=57, user=user, started=SINCE)
    assert ending(LOCKS.model_copy(update={"user": user})) == ()


def test_it_is_named_by_a_command_that_can_be_typed() -> None:
    host = host_with({"database": {"user": "shop", "limits": {"idle": 7}}})
    (command,) = ending(LOCKS)
    name, *flags = command.split()
    assert name == f"do.{END.kind}"
    given = dict(zip([flag.removeprefix("--") for flag in flags[::2]], flags[1::2], strict=True))
    assert set(given) <= set(EndSession.simple_fields())
    limits = DatabaseLimits(idle=7)
    assert EndSession.on(host, **given) == END.model_copy(update={"limits": limits})
    with pytest.raises(ConfigurationError, match=r"database\.end-session"):
        EndSession.on(host, id="x", user="ana", started="1")
    assert len(ending(*(LOCKS.model_copy(update={"id": number}) for number in range(9)))) == 3


def test_which_one_it_is_stands_in_no_argument() -> None:
    run = end_session(DatabaseLimits(), "shop", SessionId(4711, "ana", SINCE))
    other = end_session(DatabaseLimits(), "shop", SessionId(1, "somebody", 0))
    assert (run.argv, run.declared, run.verb) == (other.argv, other.declared, "end-session")
    assert run.stdin is not None
    assert run.stdin.get_secret_value() == f"4711 ana {SINCE}\n"
    beforehand = EndSession.model_validate({"application": "shop", **EndSession.stand_ins})
    rules = {each.declared for each in beforehand.privileges()}
    assert {each.declared for each in END.privileges()} == rules


EXAMPLES = {
    "database.end-session": (
        END,
        known(LOCKS),
        known(GONE),
        tuple(known(state) for state, _ in STATES.values()),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""


def test_a_dump_is_a_backup_whoever_makes_it_and_is_never_ended() -> None:
    dump = ex.session(58, command="Query").model_copy(update={"beyond": True, "reads": False, "dump": True})
    write = dump.model_copy(update={"dump": False})
    assert (dump.is_long_write, write.is_long_write) == (False, True)
    assert (ending(dump), len(ending(write))) == ((), 1)
    assert "a dump, running since" in dump.describe()
