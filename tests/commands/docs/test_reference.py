"""The reference pages name every command, flag, remedy and code."""

from pathlib import Path

from remediate.commands.command import Command
from remediate.commands.docs.reference import commands_page, refusals_page, remedies_page
from remediate.commands.registry import commands
from remediate.core.flags import RUN
from remediate.core.verdict import ENGINE_CODES, LOCKED, LOCKED_BY_OTHERS
from remediate.project.project import Project
from remediate.remedies.catalogue import remedies
from support.shop_project import Shop

PROJECT = Project(None)


def section(page: str, title: str) -> str:
    """Return what stands below one title, up to the next."""
    return page.partition(f"# {title}\n")[2].partition("\n##")[0]


def test_every_command_is_there_with_its_flags() -> None:
    page = commands_page(PROJECT)

    def missing(command: Command) -> list[str]:
        text = section(page, command.name)
        own = [flag for flag in command.flags if not command.is_run or flag not in RUN]
        return [flag.name for flag in own if f"--{flag.name}" not in text and f"`{flag.name.upper()}`" not in text]

    shown = [command for command in commands(PROJECT) if not command.name.startswith("check.")]
    assert [command.name for command in shown if not section(page, command.name)] == []
    assert {command.name: gone for command in shown if (gone := missing(command))} == {}
    assert all(f"--{flag.name}" in section(page, "Flags of every run") for flag in RUN)


def test_every_remedy_is_there_with_its_codes() -> None:
    page = remedies_page(PROJECT)
    for kind, model in remedies().items():
        text = section(page, kind)
        assert [code.name for code in model.refusals if f"`{code.name}`" not in text] == [], kind


def test_every_code_is_there_with_what_comes_next() -> None:
    page = refusals_page(PROJECT)
    codes = {*ENGINE_CODES, *(code for model in remedies().values() for code in model.refusals)}
    for name in {code.name for code in codes}:
        text, meant = section(page, name), [code for code in codes if code.name == name]
        assert all(f"\n{code.meaning}\n" in text for code in meant)
        assert all(f"- Next: {code.advice}.\n" in text for code in meant if code.advice)
        assert text.count("- May be overridden: ") == sum(code.overridable for code in meant)
        assert text.count("- Refused by") == len(meant)


def test_a_code_with_two_meanings_has_both_below_one_title() -> None:
    page = refusals_page(PROJECT)
    assert page.count("\n## locked\n") == 1
    assert LOCKED.meaning in section(page, "locked")
    assert LOCKED_BY_OTHERS.meaning in section(page, "locked")


def test_the_remedies_and_commands_of_a_project_are_there(tmp_path: Path) -> None:
    project = Project(Shop(tmp_path).root)
    own = section(remedies_page(project), "web.start")
    assert "Part of [web-down](../playbooks/web-down.md)." in own
    assert "do.web.start" not in own, "there is no such command"
    assert "[web.start](remedies.md#webstart)" in section(refusals_page(project), "unit-masked")
    assert section(commands_page(project), "rehearse.web-down")
