"""Builds the site of these pages, without the network: `python docs/site/build.py DIRECTORY`."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from remediate.commands.docs.printed import NAME, in_html, printed
from remediate.project.project import Project

ROOT: Final = Path(__file__).parents[2]
BESIDE: Final = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "inventories/prod.yml.example")
"""Files outside docs/ that are pages, or that a page links to."""


def stage(pages: Path) -> None:
    """Lay out everything that the site shows, in the places that it has in the repository."""
    shutil.copytree(ROOT / "docs", pages / "docs", ignore=shutil.ignore_patterns("__pycache__", f"{NAME}.*"))
    for name in BESIDE:
        (pages / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, pages / name)
    (pages / f"docs/{NAME}.html").write_text(in_html(printed(Project(ROOT))))
    runbook = pages / "docs/runbook.md"
    # It is kept as it was given, with links to neighbours that are elsewhere. They become plain text.
    runbook.write_text(re.sub(r"\[([^\]]+)\]\(\.[^)]*\)", r"\1", runbook.read_text()))


def build(target: Path) -> int:
    """Write the site to a directory, which is replaced. Return the exit code of the generator."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        stage(work / "pages")
        shutil.copyfile(ROOT / "docs/site/zensical.toml", work / "zensical.toml")
        command = (sys.executable, "-m", "zensical", "build", "--strict", "--config-file", "zensical.toml")
        code = subprocess.run(command, cwd=work, check=False).returncode
        if code == 0:
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(work / "site", target)
        return code


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1])))
