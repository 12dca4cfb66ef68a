"""The types of the public names, as mypy sees them."""

import re
from pathlib import Path

import pytest
from mypy import api

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def test_what_must_type_check_does_and_what_must_not_does_not(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    # Kept between runs where pytest keeps anything: the first takes ten seconds, the others one.
    kept: pytest.Cache | None = getattr(request.config, "cache", None)
    cache = tmp_path if kept is None else kept.mkdir("mypy")
    found, stderr, _ = api.run(
        [
            *("--strict", f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={cache}"),
            *("--show-error-codes", "--no-pretty", "--no-error-summary"),
            *(str(HERE / name) for name in ("must_pass.py", "must_fail.py")),
        ]
    )
    assert not stderr
    assert [line for line in found.splitlines() if "must_fail.py" not in line] == []
    lines = (HERE / "must_fail.py").read_text().splitlines()
    wanted = {(number, mark[1]) for number, line in enumerate(lines, 1) if (mark := re.search(r"# E: (\S+)$", line))}
    errors = re.findall(r"must_fail\.py:(\d+):(?:\d+:)? error: .*\[([a-z-]+)\]$", found, re.MULTILINE)
    assert {(int(number), code) for number, code in errors} == wanted
