"""The site, built once for each process that runs tests."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.doc_pages import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("docs") / "site"
    # Without a network, where this machine can take it away from one process.
    alone = ("unshare", "--map-root-user", "--net")
    offline = (
        shutil.which(alone[0]) and not subprocess.run((*alone, "true"), capture_output=True, check=False).returncode
    )
    command = (*(alone if offline else ()), sys.executable, "docs/site/build.py", str(target))
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return target
