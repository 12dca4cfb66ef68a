"""The workflows for users: linted, pinned, with the least permissions, and their steps carried out with stand-ins."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from support.command_line import BIN
from support.doc_pages import ROOT, rows

GITHUB: Final = ROOT / ".github/workflows/rehearse.yml"
GITLAB: Final = ROOT / "docs/ci/gitlab-rehearse.yml"
PAGE: Final = (ROOT / "docs/ci.md").read_text()


def read(path: Path) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(path.read_text()).items()}


WORKFLOW: Final = read(GITHUB)
JOB: Final = WORKFLOW["jobs"]["rehearse"]
STEPS: Final = {step.get("name") or step["uses"].partition("@")[0]: step for step in JOB["steps"]}
TEMPLATE: Final = read(GITLAB)[".remediate-rehearse"]


def checked(*words: str | Path) -> None:
    done = subprocess.run([str(BIN / words[0]), *words[1:]], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing_in_any_workflow() -> None:
    checked("zizmor", "--offline", "--persona=pedantic", "--no-progress", ROOT / ".github")


@pytest.mark.parametrize(("schema", "path"), [("github-workflows", GITHUB), ("gitlab-ci", GITLAB)])
def test_each_has_the_form_that_its_service_reads(schema: str, path: Path) -> None:
    checked("check-jsonschema", "--builtin-schema", f"vendor.{schema}", path)


def test_every_action_is_pinned_by_hash_and_says_its_version() -> None:
    used = re.findall(r"uses: (.*)", GITHUB.read_text())
    assert len(used) == 3
    assert [line for line in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_it_may_read_the_repository_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {}
    assert JOB["permissions"] == {"contents": "read"}
    assert list(WORKFLOW["on"]) == ["workflow_call"]
    assert "secrets" not in GITHUB.read_text()
    assert STEPS["actions/checkout"]["with"] == {"persist-credentials": False}


def test_inputs_reach_the_shell_as_environment_only() -> None:
    assert [name for name, step in STEPS.items() if "${{" in step.get("run", "")] == []


def test_the_page_has_every_input_and_variable() -> None:
    told = {first.strip("`"): default.strip("`") for first, default, _ in rows(PAGE, "input")}
    assert told == {name: str(given["default"]) for name, given in WORKFLOW["on"]["workflow_call"]["inputs"].items()}
    variables = {first.strip("`"): default.strip("`") for first, default in rows(PAGE, "variable")}
    assert variables == TEMPLATE["variables"]


# -- their steps, with stand-ins for the programs that they install ----------------------------------------------------


REMEDIATE: Final = """#!/bin/sh
printf '%s\\n' "$*" >typed
while [ $# -gt 0 ]; do
  case $1 in --junit) echo '<testsuites/>' >"$2" ;; --markdown) echo '# what was rehearsed' >"$2" ;; esac
  shift
done
exit "$(cat ends-with)"
"""
PYTHON: Final = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 9
mkdir -p "$3/bin"
cp remediate-stub "$3/bin/remediate"
printf '#!/bin/sh\\necho "pip $*" >>installed\\n' >"$3/bin/pip"
chmod +x "$3/bin/remediate" "$3/bin/pip"
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "remediate-stub").write_text(REMEDIATE)
    (tmp_path / "bin").mkdir()
    for name in ("python", "python3"):
        (tmp_path / "bin" / name).write_text(PYTHON)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def step(repository: Path, script: str, **environment: str) -> int:
    path = f"{repository / 'bin'}:{os.environ['PATH']}"
    given = {"PATH": path, "RUNNER_TEMP": str(repository), "GITHUB_STEP_SUMMARY": str(repository / "summary")}
    command = ("bash", "-e", "-o", "pipefail", "-c", script)  # as both services start it
    return subprocess.run(command, cwd=repository, env={**given, **environment}, timeout=60, check=False).returncode


@pytest.mark.parametrize("ends", [0, 5])
def test_the_steps_on_github_rehearse_report_and_end_as_the_rehearsal_does(repository: Path, ends: int) -> None:
    (repository / "ends-with").write_text(str(ends))
    assert step(repository, STEPS["Install"]["run"], REQUIREMENTS="a file.txt") == 0
    assert (repository / "installed").read_text() == "pip install --disable-pip-version-check -r a file.txt\n"
    assert step(repository, STEPS["Rehearse"]["run"], PLAYBOOK="web-down", PAIRS="all") == ends
    assert (repository / "typed").read_text() == (
        "rehearse.web-down --pairs all --junit rehearsal/junit.xml --markdown rehearsal/report.md\n"
    )
    for name in ("Summary", "actions/upload-artifact"):
        assert STEPS[name]["if"] == "${{ !cancelled() }}", "after a failure, too"
    assert step(repository, STEPS["Summary"]["run"]) == 0
    assert (repository / "summary").read_text() == "# what was rehearsed\n"
    assert (repository / "rehearsal/junit.xml").exists()


def test_without_a_report_the_summary_says_so(repository: Path) -> None:
    assert step(repository, STEPS["Summary"]["run"]) == 0
    assert (repository / "summary").read_text() == "No rehearsal took place.\n"


@pytest.mark.parametrize("ends", [0, 5])
def test_the_steps_on_gitlab_do_the_same(repository: Path, ends: int) -> None:
    (repository / "ends-with").write_text(str(ends))
    given = {**TEMPLATE["variables"], "REMEDIATE_PLAYBOOK": "web-down"}
    assert step(repository, "\n".join(TEMPLATE["script"]), **given) == ends
    assert (repository / "installed").read_text() == "pip install --disable-pip-version-check -r requirements.txt\n"
    assert (repository / "typed").read_text() == (
        "rehearse.web-down --pairs some --junit rehearsal/junit.xml --markdown rehearsal/report.md\n"
    )
    assert TEMPLATE["artifacts"]["when"] == "always"
    for path in (*TEMPLATE["artifacts"]["paths"], TEMPLATE["artifacts"]["reports"]["junit"]):
        assert (repository / path).is_file()


def test_both_take_flags_that_the_command_has(repository: Path) -> None:
    from support.doc_pages import tree

    (repository / "ends-with").write_text("0")
    assert step(repository, "\n".join(TEMPLATE["script"]), **TEMPLATE["variables"]) == 0
    tree().parse_argv((repository / "typed").read_text().split())
