"""The recorded flags of a run: all of them without a secret, or none."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from remediate.engine.run_recorder import JournalRecorder, given_of
from remediate.journal.journal import Journal
from remediate.masking.masker import Masker
from remediate.playbooks.app_down import app_down
from remediate.remedies.configuration import SetEnv
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from support.journals import record


def test_what_can_be_given_again_is_kept() -> None:
    assert given_of(app_down) == given_of(app_down.given({})) == "{}"
    assert given_of(SingleRemedy(RestartNginx, (("unit", "openresty"),))) == '{"unit": "openresty"}'
    assert given_of(SingleRemedy(SetEnv, (("key", "A"), ("value", SecretStr("hunter2"))))) is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [('{"unit": "openresty"}', True), ('{"url": "postgresql://app:hunter2@db/agency"}', False), (None, False)],
)
def test_what_looks_like_a_secret_is_not_kept(given: str | None, kept: bool, state: Path) -> None:
    run = replace(record(), given=given)
    recorder = JournalRecorder(run.id, Masker())
    recorder.begin(run)
    recorder.close()
    with Journal.open() as journal:
        assert journal.find(run.id).given == (given if kept else None)
