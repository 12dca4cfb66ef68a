"""Credentials of .env, compared and tried, as PHP answers."""

import json

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.laravel import Compared, Credentials, DatabaseTrouble
from support.mysql_answers import CALM, FORGOTTEN, FULL

CREDENTIALS = Credentials(php="php8.2", path="/home/forge/agency-platform", user="forge")


SAID = (
    '\nremediate:{"env":"sound","keys":{"host":"same","port":"same","database":"same","username":"same",'
    '"password":"differs","url":"unset"},"driver":"mysql","host":"127.0.0.1","database":"agency","username":"agency",'
    '"state":"failed","code":1045}\n'
)


def test_credentials_are_compared_and_tried_and_never_shown() -> None:
    state = CREDENTIALS.read(Output(stdout=SAID))
    assert (state.ok, state.works, state.differ) == (False, False, ("password",))
    assert state.answer is not None
    assert (state.answer.trouble, state.answer.user) == (DatabaseTrouble.DENIED, "agency")
    assert state.describe() == ("access denied (host same, port same, database same, username same, password differs)")
    with_url = CREDENTIALS.read(Output(stdout=SAID.replace('"url":"unset"', '"url":"differs"')))
    assert dict(with_url.settings)["url"] is Compared.DIFFERS
    assert "url differs" in with_url.describe()


@pytest.mark.parametrize("env", ["broken", "missing"])
def test_an_env_that_gives_nothing(env: str) -> None:
    state = CREDENTIALS.read(Output(stdout=f'remediate:{{"env":"{env}"}}\n'))
    assert (state.answer, state.works, state.ok, state.describe()) == (None, False, False, f".env is {env}")


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        "remediate:null",
        'remediate:{"env":"odd"}',
        'remediate:{"env":"sound"}',
        'remediate:{"env":"sound","keys":{"host":"hunter2"},"state":"ok"}',
        'remediate:{"env":"sound","keys":{},"state":"odd"}',
        'remediate:{"env":"sound","keys":[],"state":"ok"}',
        SAID[:-12],
    ],
)
def test_credentials_that_were_not_told_are_unknown(stdout: str) -> None:
    with pytest.raises(Unreadable) as why:
        CREDENTIALS.read(Output(stdout=stdout, stderr="PHP Fatal error: x\n", exit=255))
    assert "hunter2" not in str(why.value)


def test_the_answers_above_are_documents() -> None:
    for text in (CALM, FORGOTTEN, FULL):
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
