"""A team's limits: the table in pyproject.toml."""

from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.project.run_limits import RunLimits, run_limits


def project(directory: Path, table: str) -> Path:
    (directory / "pyproject.toml").write_text(f"[tool.remediate]\n{table}")
    return directory


def test_without_a_project_or_a_table_the_defaults_hold(tmp_path: Path) -> None:
    assert run_limits(None) == run_limits(tmp_path) == run_limits(project(tmp_path, "")) == RunLimits()


def test_what_is_given_replaces_a_default(tmp_path: Path) -> None:
    root = project(tmp_path, '[tool.remediate.limits]\ncool_down_minutes = 5\npause_file = "share/paused"\n')
    limits = run_limits(root)
    assert (limits.cool_down_minutes, limits.recurring_minutes) == (5, 60)
    assert limits.pause_file == tmp_path / "share/paused"


def test_an_absolute_file_stays_as_it_is(tmp_path: Path) -> None:
    assert run_limits(project(tmp_path, '[tool.remediate.limits]\npause_file = "/srv/paused"\n')).pause_file == Path(
        "/srv/paused"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cooldown = 5", "unknown key; did you mean cool_down_minutes?"),
        ("cool_down_minutes = -1", "must be at least 0"),
        ('held_minutes = "x"', "held_minutes"),
        ("unhealthy_share = 0", "unhealthy_share"),
        ("unhealthy_share = 33", "unhealthy_share"),
        ('pause_file = "~no-such-user/paused"', "pause_file: begins with a user who has no home"),
    ],
)
def test_what_cannot_be_used_is_one_line_with_the_key(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml: tool\.remediate\.limits: ") as error:
        run_limits(project(tmp_path, f"[tool.remediate.limits]\n{line}\n"))
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1
