"""The printed runbook: whole, and readable without anything else."""

import re
import sys
from pathlib import Path

import pytest

from remediate.commands.docs.printed import in_html, printed
from remediate.core.outcome import RunVerdict
from remediate.core.verdict import ENGINE_CODES
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from support.shop_project import Shop

PROJECT = Project(None)
TEXT = printed(PROJECT)


def test_it_has_every_playbook_every_code_and_every_exit_code() -> None:
    for name in PROJECT.playbooks():
        assert f"\n## {name} (" in TEXT
        assert f"invoke fix.{name} --host NAME" in TEXT
    for code in ENGINE_CODES:
        assert f"\n### {code.name}\n" in TEXT
    for verdict in RunVerdict:
        assert re.search(rf"^\| {verdict.exit_code} \| [a-z_/ ]*{verdict.value}[a-z_/ ]* \| [A-Z]", TEXT, re.MULTILINE)


def test_no_sentence_needs_a_link_that_paper_does_not_follow() -> None:
    assert re.findall(r"\]\((?!https?:)", TEXT) == []
    assert "<!--" not in TEXT
    assert TEXT.count("Any remedy may also be refused with") == 0, "once, at the end, is enough"


def test_as_html_it_is_one_file_that_loads_nothing() -> None:
    page = in_html(TEXT)
    # Without this empty icon a browser asks the server for one.
    icon = '<link rel="icon" href="data:,">'
    assert page.count(icon) == 1
    assert re.findall(r"<(?:script|link|img|iframe)|url\(|@import", page.replace(icon, "")) == []
    # Every title and every block of code of the text is one there, too.
    fences = re.findall(r"^```\n.*?^```$", TEXT, re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ ", re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    assert len(re.findall(r"<pre>", page)) == len(fences)
    assert len(re.findall(r"<h[1-6][ >]", page)) == len(titles)
    assert "```" not in page
    assert "| `" not in page, "a table that is none"


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdown", None)
    with pytest.raises(ConfigurationError, match=re.escape("pip install 'remediate[docs]'")):
        in_html(TEXT)


def test_the_command_writes_both_files_into_the_project(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert shop("remediate", "docs.runbook") == (0, "docs/printed-runbook.md\ndocs/printed-runbook.html\n", "")
    assert "\n## web-down (SEV-3)\n" in (tmp_path / "docs/printed-runbook.md").read_text()
    assert (tmp_path / "docs/printed-runbook.html").read_text().startswith("<!doctype html>")
