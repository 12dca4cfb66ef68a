"""Questions that share a command, and those that such a command does not answer."""

from pathlib import Path

import pytest

from remediate.core.batches import Asking, Unanswered, askings, commands_for
from remediate.core.command import Output
from remediate.core.probe import Fact, Probe
from remediate.engine.surveyor import Surveyor
from remediate.errors import Unreadable
from remediate.probes.laravel import App, AppDatabase
from remediate.probes.supervisor import Workers
from remediate.probes.systemd import ShownTogether, Unit
from remediate.testing import PaperHost
from remediate.transport.session import Answers
from support import examples as ex
from support.render import output_of
from support.scripted import FactSession

NGINX, FPM, WORKERS = Unit(name="nginx"), Unit(name="php8.3-fpm"), Workers(program="agency-worker")
OF = {"php": "php8.3", "path": "/srv/shop", "user": "forge"}
STATE, DATABASE = App.model_validate(OF), AppDatabase.model_validate(OF)
OTHERS = App.model_validate({**OF, "path": "/srv/blog"})
RUNNING, STOPPED = output_of(NGINX, ex.RUNNING), output_of(FPM, ex.FAILED)


def grouped(*probes: Probe[Fact], together: bool = True) -> list[tuple[Probe[Fact], ...]]:
    return [each.probes for each in askings(probes, together=together)]


def test_equal_batches_share_a_command() -> None:
    assert grouped(NGINX, WORKERS, STATE, FPM, OTHERS, DATABASE) == [
        (NGINX, FPM),
        (WORKERS,),
        (STATE, DATABASE),
        (OTHERS,),
    ]


def test_what_is_asked_apart_shares_none() -> None:
    assert grouped(NGINX, STATE, FPM, together=False) == [(NGINX,), (STATE,), (FPM,)]


def test_one_question_is_asked_by_its_own_command() -> None:
    (alone,) = askings((NGINX,), together=True)
    assert alone == Asking(NGINX.command(), (NGINX,))
    assert list(alone.answers(RUNNING)) == [(NGINX, RUNNING)]


def test_every_command_that_may_ask_is_known_beforehand() -> None:
    asked = {run.declared for run in commands_for((STATE,))}
    (both,) = askings((STATE, DATABASE), together=True)
    assert asked == {STATE.command().declared, both.run.declared}


@pytest.mark.parametrize(
    ("output", "answered"),
    [
        (Output(stdout=f"{RUNNING.stdout}\n{STOPPED.stdout}"), True),
        (Output(stdout=f"{RUNNING.stdout}\n{STOPPED.stdout}", exit=1), False),
        (Output(stdout=f"{RUNNING.stdout}\n{STOPPED.stdout}", cut=True), False),
        (Output(stdout=RUNNING.stdout), False),
        (Output(stdout=f"{RUNNING.stdout}\n{STOPPED.stdout}\n{STOPPED.stdout}"), False),
        (Output(exit=124), False),
        (Output(), False),
    ],
)
def test_units_are_told_apart_or_asked_again(output: Output, *, answered: bool) -> None:
    found = ShownTogether().split((NGINX.command(), FPM.command()), output)
    assert found == ([RUNNING, STOPPED] if answered else [None, None])


def test_what_was_not_answered_together_is_asked_by_itself() -> None:
    lost = Unanswered("nginx: no answer together with others")
    session = FactSession({NGINX: lost, WORKERS: ex.workers()}, at={2: {NGINX: RUNNING}})
    asked = Surveyor(session, session, (NGINX, WORKERS))
    assert asked.survey()[NGINX] == ex.RUNNING
    assert session.execs == 2
    # Never among the others again: only that it is asked by itself costs an exec.
    asked.survey()
    assert session.execs == 4


def test_what_is_not_answered_by_itself_either_stays_unknown() -> None:
    lost = Unanswered("nginx: no answer together with others")
    session = FactSession({NGINX: lost, WORKERS: ex.workers()}, at={2: {NGINX: Output(exit=1, stderr="broken")}})
    facts = Surveyor(session, session, (NGINX, WORKERS)).survey()
    with pytest.raises(Unreadable, match="broken"):
        facts[NGINX]


def survey(host: PaperHost, *probes: Probe[Fact], together: bool) -> Answers:
    rounds = host.session().begin(probes, seconds=20, together=together)
    try:
        return rounds.next()
    finally:
        rounds.close()


def test_one_exec_runs_one_command_for_several(tmp_path: Path) -> None:
    with PaperHost(tmp_path) as host:
        host.program("systemctl", stdout=f"{RUNNING.stdout}\n{STOPPED.stdout}")
        found = survey(host, NGINX, FPM, together=True)
        (call,) = host.calls
        assert call.argv[-2:] == ("nginx.service", "php8.3-fpm.service")
    assert found == {NGINX: RUNNING, FPM: STOPPED}


def test_apart_each_has_its_own(tmp_path: Path) -> None:
    with PaperHost(tmp_path) as host:
        host.program("systemctl", stdout=RUNNING.stdout)
        found = survey(host, NGINX, FPM, together=False)
        assert len(host.calls) == 2
    assert found == {NGINX: RUNNING, FPM: RUNNING}


def test_a_command_for_several_that_answers_none_says_so_of_each(tmp_path: Path) -> None:
    with PaperHost(tmp_path) as host:
        host.program("systemctl", stdout=RUNNING.stdout)
        found = survey(host, NGINX, FPM, together=True)
    assert all(isinstance(each, Unanswered) for each in found.values())
