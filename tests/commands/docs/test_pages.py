"""The printed runbook agrees with the code, for any playbook."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from remediate.commands.docs.example import EXAMPLE
from remediate.commands.docs.pages import build, page
from remediate.core.host import Host
from remediate.core.playbook import Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.vantage import Vantage
from remediate.core.verdict import ENGINE_CODES
from remediate.playbooks.app_down import app_down
from remediate.probes.http import Site
from remediate.project.listing import ListedPlaybook
from remediate.project.project import Project
from support.toys import RestartFpm


def _symptoms(_: Host) -> Iterable[Probe[Fact]]:
    return tuple(Site(url="https://example.com/", asked_from=vantage) for vantage in Vantage)


@playbook(severity=Severity.SEV3, symptoms=_symptoms)
def slow_site(host: Host) -> Iterable[Remedy]:
    """Make it fast again.

    Only <b>one</b> & only `that`.
    """
    yield RestartFpm()


SLOW = page(
    slow_site, ListedPlaybook("slow-site", Path("/project/playbooks/slow_site.py"), False, "", ()), Project(None)
)


def test_it_says_where_it_comes_from_and_how_bad_it_is() -> None:
    first, title, *_ = SLOW.splitlines()
    assert first == "<!-- Made by `invoke docs.build` from playbooks/slow_site.py; do not edit. -->"
    assert title == "# slow-site (SEV-3)"
    assert "invoke check.slow-site --host NAME" in SLOW
    assert "invoke fix.slow-site --host NAME" in SLOW


def test_words_are_taken_as_they_are() -> None:
    assert "Only <b>one</b> & only `that`." in SLOW
    assert "{{" not in SLOW
    assert "{%" not in SLOW


def test_a_question_is_printed_once_with_everywhere_it_is_asked_from() -> None:
    (question,) = (line for line in SLOW.splitlines() if line.startswith("- `https://example.com/`"))
    assert question.endswith("(asked from the host and the controller)")


def test_a_section_about_nothing_is_left_out() -> None:
    assert "Not attempted when refused before" not in SLOW
    assert "Not attempted when refused before: `laravel.up`." in page(
        app_down, Project(None).playbooks()["app-down"], Project(None)
    )


@pytest.mark.parametrize("remedy", app_down(EXAMPLE).remedies, ids=lambda remedy: remedy.kind)
def test_every_remedy_with_its_commands_refusals_and_flags(remedy: Remedy) -> None:
    text = page(app_down, Project(None).playbooks()["app-down"], Project(None))
    section = text[text.index(f". {remedy.kind}\n") :].split("\n### ")[0].split("\n## ")[0]
    if remedy.is_human:
        assert "```" not in section
    else:
        commands = section.split("```")[1].split("\n")[1:-1]
        assert commands == [str(run) for run in remedy.changes()]
    for code in remedy.refusals:
        assert f"| `{code.name}` | {code.meaning} | {'yes' if code.overridable else 'no'} |" in section
    assert sum(line.startswith("| `") for line in section.splitlines()) == len(remedy.refusals)
    for name in () if remedy.is_human else type(remedy).simple_fields():
        assert f"`--{name.replace('_', '-')}` (" in section
    assert (f"`invoke do.{remedy.kind} --host NAME`" in section) is not remedy.is_human


def test_the_codes_of_the_engine_are_on_every_page() -> None:
    for code in ENGINE_CODES:
        assert f"| `{code.name}` | {code.meaning} |" in SLOW


def test_every_playbook_of_a_project_gets_its_page(tmp_path: Path) -> None:
    project = Project(None)
    written = build(project, tmp_path / "docs")
    assert [file.relative_to(tmp_path).as_posix() for file in written] == [
        *(f"docs/playbooks/{name}.md" for name in project.playbooks()),
        *(f"docs/reference/{name}.md" for name in ("commands", "remedies", "refusals")),
    ]
    assert build(project, tmp_path / "docs") == written
    assert all(file.read_text().endswith("\n") for file in written)
