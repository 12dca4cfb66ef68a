"""Modules: none is longer than a person reads at once."""

from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
LINES: Final = 300


@pytest.mark.parametrize("tree", ["remediate", "playbooks", "tests"])
def test_no_module_is_longer_than_the_limit(tree: str) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / tree).rglob("*.py")}
    assert len(lengths) > 1
    assert {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > LINES} == {}
