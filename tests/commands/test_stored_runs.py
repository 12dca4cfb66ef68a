"""A run that is shown again from the journal: whole, whatever the secrets of it were, with commands that are whole."""

import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from pydantic import SecretStr

from remediate.commands.docs.schemas import schema
from remediate.commands.runs import list_runs, show_run
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import Report, RunVerdict, Verified
from remediate.engine.fleet import run
from remediate.errors import Unreachable, UnreachableCode
from remediate.journal.journal import Journal
from remediate.probes.configuration import EnvValue
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.project.project import Project
from remediate.remedies.configuration import SetEnv
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from remediate.report.text import TextReporter
from remediate.testing import ScriptedEvent
from remediate.transport.session import Session
from support import examples as ex
from support.given_secret import HOST, LOOSE, PATH, SET
from support.incidents import APP, DEPLOY
from support.printed import Printed
from support.scripted import Changes, FactSession
from support.toys import masked

WORDS = ("2026", "fixed", "host", "proven", "proceed", "yes", "no", "fix", "web1", "0", "null", "192.0.2.1", "report")
"""Values that are words, names, dates and numbers of a report, too."""


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, state: Path) -> Project:
    monkeypatch.setattr("remediate.engine.transitions.PATIENCE", 0.3)
    monkeypatch.setattr("remediate.engine.rejoin.REJOIN_SECONDS", 0)
    return Project(root=None)


def runnable(value: str) -> SingleRemedy:
    return SingleRemedy(SetEnv, (("key", "A"), ("value", SecretStr(value))))


def key(value: str) -> EnvValue:
    return EnvValue(php="php8.2", path=PATH, user="forge", key="A", value=SecretStr(value))


def once(session: FactSession) -> Callable[[Host], Session]:
    """Return a way to a host that a lost link leaves closed."""
    waiting = [session]

    def connect(_: Host) -> Session:
        if not waiting:
            raise Unreachable(UnreachableCode.TIMEOUT, "no answer")
        return waiting.pop()

    return connect


def played(which: SingleRemedy, session: FactSession, *, plan: bool = False) -> tuple[Report, str]:
    """Run it as the command line does; return the report and what was told."""
    out = io.StringIO()
    report = run(
        which,
        (HOST,),
        reporter=TextReporter(masked(out), masked(io.StringIO()), program="remediate"),
        connect=once(session),
        options=Options(hold=0, yes=True, plan=plan, timeout=10),
    )
    return report, out.getvalue()


def shown(report: Report, project: Project, **flags: object) -> str:
    printed = Printed()
    assert show_run({"run": report.run, **flags}, project, printed.terminal, program="remediate") == 0
    return printed.out.getvalue()


@pytest.mark.parametrize("value", WORDS)
def test_a_secret_that_is_a_word_of_the_report_ends_no_run_and_changes_no_verdict(value: str, project: Project) -> None:
    before: Changes = {**LOOSE, key(value): ex.OTHER_VALUE}
    report, told = played(runnable(value), FactSession(before, {**SET, key(value): ex.RIGHT_VALUE}))
    assert (report.verdict, report.exit_code) == (RunVerdict.FIXED, 0)
    assert [step.verified for step in report.hosts[0].steps] == [Verified.PROVEN]
    assert "\nFIXED in " in told
    with Journal.open(project.journal()) as journal:
        stored = journal.find(report.run)
    assert stored.finished is not None
    assert (stored.verdict, stored.exit_code, stored.touched) == ("fixed", 0, "yes")
    assert [step.outcome for step in stored.steps] == ["proven"]
    document = json.loads(shown(report, project, json=True))
    jsonschema.validate(document, json.loads(schema("report")))
    assert Report.model_validate(document) == report
    assert "\nFIXED in " in shown(report, project)
    printed = Printed()
    assert list_runs({}, project, printed.terminal, program="remediate") == 0
    assert "fixed        touched yes" in printed.out.getvalue()


def test_nor_does_it_when_the_value_did_not_get_there(project: Project) -> None:
    report, _ = played(runnable("fixed"), FactSession({**LOOSE, key("fixed"): ex.OTHER_VALUE}))
    assert (report.verdict, report.exit_code) == (RunVerdict.NOT_FIXED, 5)
    assert Report.model_validate_json(shown(report, project, json=True)) == report


NGINX = Unit(name="openresty")
DOWN: Changes = {
    APP: ex.APP,
    DEPLOY: ex.NO_DEPLOY,
    NGINX: ex.FAILED,
    NginxConfig(): ex.SOUND,
    PortOwner(port=80): ex.NOBODY,
    PortOwner(port=443): ex.NOBODY,
}
OTHER_UNIT = SingleRemedy(RestartNginx, (("unit", "openresty"),))


def command(told: str) -> list[str]:
    """Return the words of the command that a report ends with."""
    text = " ".join(told.split())
    return shlex.split(text[text.rindex("remediate do.") :].partition(" evidence:")[0])


@pytest.mark.parametrize(
    ("session", "plan", "verdict"),
    [
        (FactSession(DOWN), True, RunVerdict.PENDING),
        (FactSession(DOWN, ScriptedEvent.LOST_WHILE), False, RunVerdict.UNKNOWN),
        (FactSession({**DOWN, NGINX: ex.STARTING}), False, RunVerdict.REFUSED),
    ],
    ids=["pending", "unknown", "in transition"],
)
def test_the_command_of_a_stored_run_is_the_one_that_was_told(
    session: FactSession, plan: bool, verdict: RunVerdict, project: Project
) -> None:
    report, told = played(OTHER_UNIT, session, plan=plan)
    again = command(shown(report, project))
    assert report.verdict is verdict
    assert again[:6] == ["remediate", "do.nginx.restart", "--unit", "openresty", "--host", "web1"]
    assert again == command(told)


def test_a_secret_is_asked_for_again(project: Project) -> None:
    value = "c4n4ry-41"
    report, _ = played(runnable(value), FactSession({**LOOSE, key(value): ex.OTHER_VALUE}), plan=True)
    told = shown(report, project)
    assert "c4n4ry" not in told
    words = command(told)
    flags = dict(zip(words[2::2], words[3::2], strict=True))
    assert {"--key": "A", "--value-from": "stdin", "--path": PATH, "--host": "web1"}.items() <= flags.items()
