"""The key of plan hashes: made once, private, or given by reference."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from remediate.approvals.plan_key import FILE_NAME, plan_key
from remediate.errors import ConfigurationError


def test_it_is_made_at_its_first_use_for_its_owner_alone(state: Path) -> None:
    key = plan_key(None)
    assert len(key) == 64
    assert plan_key(None) == key
    assert [entry.name for entry in state.iterdir()] == [FILE_NAME]
    assert (state / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700


def test_several_at_once_make_one(state: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: plan_key(None), range(8)))) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_one_that_others_can_read_is_not_used(state: Path, mode: int) -> None:
    plan_key(None)
    (state / FILE_NAME).chmod(mode)
    with pytest.raises(ConfigurationError, match="not private"):
        plan_key(None)


def test_what_is_no_key_is_not_used(state: Path) -> None:
    plan_key(None)
    (state / FILE_NAME).write_text("short\n")
    with pytest.raises(ConfigurationError, match="holds no key"):
        plan_key(None)
    (state / FILE_NAME).unlink()
    os.mkfifo(state / FILE_NAME, 0o600)
    with pytest.raises(ConfigurationError, match="is not a file"):
        plan_key(None)
    (state / FILE_NAME).unlink()
    (state / FILE_NAME).symlink_to("elsewhere")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        plan_key(None)


def test_a_team_gives_its_own_by_reference(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAN_KEY", "k" * 40)
    assert plan_key("env:PLAN_KEY") == b"k" * 40
    monkeypatch.setenv("PLAN_KEY", "too-short-to-be-one")
    with pytest.raises(ConfigurationError, match="at least 32 characters") as error:
        plan_key("env:PLAN_KEY")
    assert "too-short" not in str(error.value)
    assert not state.exists()


def test_a_state_directory_that_cannot_be_made_is_told(state: Path) -> None:
    state.write_text("a file")
    with pytest.raises(ConfigurationError, match=r"plan.key cannot be (made|read)"):
        plan_key(None)
