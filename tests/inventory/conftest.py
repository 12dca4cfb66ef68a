"""Fixtures: files of an inventory."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from support.inventories import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def files(contents: Mapping[str, str]) -> Path:
        for name, text in contents.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return files
