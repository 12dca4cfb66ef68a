"""The site, built once for each process that runs tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.doc_pages import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("docs") / "site"
    command = (sys.executable, "docs/site/build.py", str(target))
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return target
