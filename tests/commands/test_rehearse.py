"""rehearse.* before any fault and after the last: one-line errors, and what is told."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Event

import pytest

from remediate.commands import rehearse as command
from remediate.core.host import Host
from remediate.project.project import Project
from remediate.rehearsal.faults import Fault
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.outcome import RehearsalReport, TrialOutcome
from remediate.rehearsal.places import Place
from remediate.rehearsal.rehearse import Plan
from support.rehearsals import Asked
from support.toys import document

# -- flags -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"pairs": "most"}, "--pairs takes none, some, all, not 'most'"),
        ({"containers": "0"}, "--containers takes a number from 1 to 16, not '0'"),
        ({"containers": "many"}, "--containers takes a number from 1 to 16, not 'many'"),
        ({"containers": "17"}, "--containers takes a number from 1 to 16, not '17'"),
        ({"fault": "php-fpm-stoped"}, "no case called php-fpm-stoped; did you mean php-fpm-stopped? "),
        ({"fault": "php-fpm-stopped,nonsense"}, "no case called nonsense; there are: "),
        ({"fault": ""}, "no case called ''; there are: "),
        ({"junit": "/nowhere/x.xml"}, "--junit: /nowhere/x.xml cannot be written: /nowhere is no directory"),
        ({"markdown": "/"}, "--markdown: / cannot be written: it is a directory"),
        ({"host": "web1"}, "no inventory"),
    ],
)
def test_a_flag_that_means_nothing(asked: Asked, flags: dict[str, str], words: str) -> None:
    assert words in asked.usage(**flags)


def test_a_pair_is_named_by_both_its_faults_whichever_pairs_are_on(asked: Asked) -> None:
    assert "no case called nginx-stopped+php-fpm-stopped" in asked.usage(fault="nginx-stopped+php-fpm-stopped")


def test_outside_a_project(asked: Asked) -> None:
    asked.project = Project(None)
    assert "mark a directory with [tool.remediate]" in asked.usage()


def test_without_an_engine_nothing_begins(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "no container engine: podman is not installed" in asked.usage()


def test_without_testinfra_nothing_begins(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.rehearsal.observation.find_spec", lambda _: None)
    assert "pip install 'remediate[rehearsal]'" in asked.usage()


# -- what a playbook declares ------------------------------------------------------------------------------------------


DECLARED = """
    def cases(host):
        BODY


    @playbook(severity=Severity.SEV3, symptoms=lambda host: (), rehearsal=cases)
    def shop(host):
        return ()
"""


TWICE = (
    "from remediate.rehearsal import case, faults;"
    " return [case.unharmed('one', faults.UnitStopped(unit=each)) for each in ('a', 'b')]"
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return ()", "shop: no case is declared, so nothing can be proven"),
        ("return 7", "the rehearsal of shop: TypeError"),
        ("return [1 / 0]", "the rehearsal of shop: ZeroDivisionError: division by zero"),
        ("return [host.name]", "the rehearsal of shop: AttributeError"),
        (
            "from remediate.rehearsal.faults import UnitStopped; return [UnitStopped(unit='-x')]",
            "the rehearsal of shop: UnitStopped: unit: ",
        ),
        (
            TWICE,
            "the rehearsal of shop has several cases called one",
        ),
    ],
)
def test_a_declaration_with_a_mistake_is_one_line(asked: Asked, body: str, words: str) -> None:
    asked.playbook("shop", DECLARED.replace("BODY", body))
    assert words in asked.usage("shop")


# -- what is told ------------------------------------------------------------------------------------------------------


class FakePlace:
    """Nothing behind it."""

    def __init__(self, name: str = "rehearsal-1") -> None:
        self.name = name

    def fresh(self) -> tuple[Host, object]:
        raise NotImplementedError

    def leave(self, faults: Sequence[Fault]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise StagingError("podman could not remove the container")


def outcome(name: str, *deviations: str) -> TrialOutcome:
    return TrialOutcome(name=name, fault="odd", expected="fixed", deviations=deviations, seconds=1)


@pytest.fixture
def rehearsing(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Rehearse nothing, and come to what the name of the trial says."""

    def rehearsed(plan: Plan, places: Sequence[Place], *, told: Callable[..., None], stop: Event) -> RehearsalReport:
        from datetime import UTC, datetime

        trials = [outcome(each.name, *(["it lies"] if "masked" in each.name else [])) for each in plan.trials]
        for number, each in enumerate(trials, 1):
            told(number, len(trials), each)
        return RehearsalReport(
            playbook=plan.playbook.name,
            version="0",
            digest="0",
            started=datetime(2026, 11, 23, tzinfo=UTC),
            seconds=1,
            whole=plan.whole,
            trials=tuple(trials),
        )

    def places(*_: object) -> AbstractContextManager[list[object]]:
        return nullcontext([])

    monkeypatch.setattr(command, "rehearse", rehearsed)
    monkeypatch.setattr(command, "_places", places)
    return asked


def test_as_declared_is_0_and_writes_what_was_asked_for(rehearsing: Asked) -> None:
    root = rehearsing.root
    files = {"junit": str(root / "j.xml"), "markdown": str(root / "m.md")}
    assert rehearsing(fault="php-fpm-stopped,healthy", json=True, **files) == 0
    assert "<testsuites>" in (root / "j.xml").read_text()
    assert "# Rehearsal of app-down" in (root / "m.md").read_text()
    assert RehearsalReport.model_validate(document("rehearsal", rehearsing.out.getvalue())).passed
    assert not (root / "docs").exists(), "not every case was tried"
    assert "REHEARSED app-down: 2 of 2" in rehearsing.err.getvalue()


def test_a_deviation_is_5_and_a_whole_rehearsal_is_recorded(rehearsing: Asked) -> None:
    assert rehearsing() == 5
    assert '"passed": false' in (rehearsing.root / "docs/rehearsals/app-down.json").read_text()
    assert "DEVIATES" in rehearsing.err.getvalue()


def test_several_end_with_what_deviated_in_any(rehearsing: Asked) -> None:
    assert rehearsing("app-down", "cache-down") == 5
    assert rehearsing.err.getvalue().splitlines()[-1].startswith("DEVIATES: 0 of 2 playbooks as declared, ")


def test_without_pairs_it_is_no_whole_rehearsal(rehearsing: Asked) -> None:
    rehearsing(pairs="none")
    assert not (rehearsing.root / "docs").exists()


def test_of_all_playbooks_those_that_declare_nothing_are_named(rehearsing: Asked) -> None:
    rehearsing.playbook("shop", DECLARED.replace("BODY", "return ()"))
    assert rehearsing("app-down", "shop", fault="healthy") == 0
    assert "shop declares no case: nothing of it is rehearsed" in rehearsing.err.getvalue()


def test_of_all_playbooks_a_stock_one_that_the_staging_host_is_not_for_is_left_out(rehearsing: Asked) -> None:
    (rehearsing.root / "inventories").mkdir()
    plain = "staging: {hosts: {staging: {remediate: {site_url: 'https://staging.example.com/'}}}}\n"
    (rehearsing.root / "inventories/staging.yml").write_text(plain)
    one = "from remediate.rehearsal import case, faults; return [case.unharmed('one', faults.UnitStopped(unit='a'))]"
    rehearsing.playbook("shop", DECLARED.replace("BODY", one))
    assert rehearsing("app-down", "shop") == 0
    assert "app-down is not rehearsed: staging: a rehearsal needs remediate.php" in rehearsing.err.getvalue()
    assert "REHEARSED shop: 2 of 2 trials as declared" in rehearsing.err.getvalue()
    assert "a rehearsal needs remediate.php" in rehearsing.usage("app-down")


def test_a_playbook_of_one_s_own_is_never_left_out(rehearsing: Asked) -> None:
    body = 'raise ConfigurationError("the shop has no unit")'
    rehearsing.playbook("shop", DECLARED.replace("BODY", f"from remediate.errors import ConfigurationError; {body}"))
    assert "the shop has no unit" in rehearsing.usage("app-down", "shop")


def test_a_record_that_cannot_be_written_is_one_line(rehearsing: Asked) -> None:
    (rehearsing.root / "docs").write_text("a file")
    with pytest.raises(StagingError, match="docs/rehearsals cannot be written"):
        rehearsing()


def test_a_container_that_cannot_be_removed_does_not_cost_the_report(asked: Asked) -> None:
    place = FakePlace()
    command._closed(place, asked.terminal)  # type: ignore[arg-type]
    assert "rehearsal-1 is left behind: podman could not remove the container" in asked.err.getvalue()
