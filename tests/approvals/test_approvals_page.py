"""The page about approvals: its settings, codes and commands are those of the code."""

import tomllib

from remediate.approvals.settings import ApprovalSettings
from remediate.commands.registry import commands
from remediate.core.verdict import APPROVALS
from remediate.project.project import Project
from support.doc_pages import FENCED, ROOT, rows

PAGE = (ROOT / "docs/approvals.md").read_text()


def test_its_settings_are_accepted() -> None:
    examples = [block["text"] for block in FENCED.finditer(PAGE) if block["kind"] == "toml"]
    for example in examples:
        ApprovalSettings.model_validate(tomllib.loads(example)["tool"]["remediate"]["approvals"])
    assert len(examples) == 2


def test_its_table_has_every_setting_with_its_default() -> None:
    told = {name.strip("`"): default.strip("`") for name, default, _ in rows(PAGE, "setting")}
    settings = ApprovalSettings()
    assert told == {
        "allowed_signers": str(settings.allowed_signers),
        "required": settings.required.value,
        "second_person": str(settings.second_person).lower(),
        "minutes": f"{settings.minutes:g}",
        "key": "in the state directory",
    }
    assert set(told) == set(ApprovalSettings.model_fields)


def test_it_names_every_code() -> None:
    assert {row[0].strip("`") for row in rows(PAGE, "code")} == {code.name for code in APPROVALS}


def test_it_names_every_flag_of_the_command() -> None:
    (command,) = (each for each in commands(Project(None)) if each.name == "approve")
    named = " ".join(row[0] for row in rows(PAGE, "command"))
    assert [flag.name for flag in command.flags if not flag.positional and f"--{flag.name}" not in named] == []
