"""Commands that the documentation shows: each exists, with its flags."""

import re
import shlex
from pathlib import Path

import pytest

from remediate.cli import namespace
from remediate.commands.incident_context import IncidentReport
from remediate.core.outcome import RunVerdict
from remediate.incident.postmortem import sections
from remediate.incident.settings import (
    incident_settings,
)
from remediate.remedies.catalogue import remedies
from support.doc_pages import EVERY_PAGE, PAGES_OF_IT, ROOT, code, tree, typed


@EVERY_PAGE
def test_every_command_exists_with_its_flags(page: Path) -> None:
    written = {
        name.replace("_", "-") for name in re.findall(r"^@playbook\(.*\)\ndef (\w+)", page.read_text(), re.MULTILINE)
    }
    for line in code(page):
        if (words := typed(line)) is None:
            continue
        prefix, _, name = words[0].partition(".")
        if name in written:  # The page has the reader write this playbook. Its commands are those of any other.
            words[0] = f"{prefix}.app-down"
        if len(words) == 1:  # it is only named: what it needs need not stand there
            assert words[0] in namespace(ROOT).task_names or words[0] in remedies()
        else:
            tree().parse_argv(words)


def test_commands_are_found_on_the_pages_at_all() -> None:
    shown = {words[0] for page in PAGES_OF_IT for line in code(page) if (words := typed(line))}
    assert {"fix.app-down", "check.app-down", "do.php-fpm.restart", "runs.show", "sudoers", "staging.break"} <= shown
    assert typed("FIXED in 31.5 s (serving again after 1.1 s)       evidence: invoke runs.show 6f1b") is not None
    for wrong in ("invoke fix.app-up --host a", "remediate fix.app-down --hots a", "staging.up --speed 3"):
        words = typed(wrong)
        assert words is not None
        with pytest.raises(Exception, match="No idea what"):
            tree().parse_argv(words)


def test_every_command_of_the_demo_exists() -> None:
    steps = [shlex.split(line) for line in (ROOT / "docs/demo.sh").read_text().splitlines() if line[:7] == "expect "]
    assert len(steps) > 3
    for _, expected, *words in steps:
        assert int(expected) in {verdict.exit_code for verdict in RunVerdict}
        tree().parse_argv(words)


def test_the_incident_of_the_demo_takes_six_commands_that_exist() -> None:
    script = (ROOT / "docs/demo-incident.sh").read_text().splitlines()
    steps = [shlex.split(line) for line in script if line[:7] == "expect "]
    assert len(steps) <= 6
    for _, _, *words in steps:
        tree().parse_argv(words)


def test_the_example_of_an_incident_is_one_that_this_code_reads() -> None:
    kept = ROOT / "docs/examples/incident"
    incident_settings(kept)
    incident = IncidentReport.model_validate_json((kept / "incident.json").read_text()).incident
    assert [run.verdict for run in incident.runs] == ["fixed", "healthy"]
    assert {"declared", "acknowledged", "run", "update", "announced", "escalated", "message", "resolved"} <= {
        event.kind for event in incident.timeline
    }
    typed_there = re.findall(r"^\$ remediate (\S+)", (kept / "transcript.txt").read_text(), re.MULTILINE)
    assert len(typed_there) <= 6
    titles = re.findall(r"^#+ .*", (kept / "post-mortem.md").read_text(), re.MULTILINE)
    made = sections(incident, (), incident_settings(kept), incident.declared_at, "ana")
    assert titles == [section.heading for section in made]


@EVERY_PAGE
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = [words.split() for line in code(page) for words in re.findall(r"^make ([a-z -]+?)(?:  |$)", line)]
    assert [target for words in asked for target in words if target not in targets] == []
