"""A rehearsal as people and tools read it."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from remediate.rehearsal.outcome import RehearsalReport, TrialAnswer, TrialOutcome, Typed
from remediate.rehearsal.text import closing_lines, junit, markdown, summary_lines, trial_lines, typed_words

FIXED = TrialAnswer(verdict="fixed", touched="yes", steps=("php-fpm.restart proven", "nginx.restart skip"), seconds=4.4)
HEALTHY = TrialAnswer(verdict="healthy", touched="no", steps=("php-fpm.restart skip",), seconds=1.2)
PENDING = TrialAnswer(verdict="pending", touched="no", steps=("php-fpm.restart proceed",), seconds=0.5)
REFUSED = TrialAnswer(
    verdict="refused", code="unit-masked", touched="no", steps=("nginx.restart unit-masked",), seconds=1
)
WELL = Typed(claimed=True, well=True, harm=("nginx was started again",))
LIED = Typed(claimed=True, well=False, harm=())


def trial(name: str = "php-fpm-stopped", *deviations: str, **rest: object) -> TrialOutcome:
    given = {
        "fault": "php8.2-fpm is stopped",
        "expected": "fixed",
        "check": PENDING,
        "fix": FIXED,
        "again": HEALTHY,
        "before": ("https://example.com/ 502", "php8.2-fpm stopped"),
        "after": ("everything as it should be",),
        "seconds": 21.3,
        **rest,
    }
    return TrialOutcome.model_validate({"name": name, "deviations": deviations, **given})


MASKED = trial("php-fpm-masked", expected="refused", codes=("unit-masked",), check=REFUSED, fix=REFUSED, again=REFUSED)
LIE = trial("nginx-stopped", "after fix / from outside: status 502", "fix: bystander mariadb was started again")
FAILED = trial("workers-fatal", "StagingError: podman run: no space left", check=None, fix=None, again=None)


def report(*trials: TrialOutcome, stopped: bool = False) -> RehearsalReport:
    return RehearsalReport(
        playbook="app-down",
        version="0.1.0",
        digest="0123456789abcdef" * 4,
        started=datetime(2026, 11, 23, 8, 31, 40, tzinfo=UTC),
        seconds=75.4,
        whole=True,
        stopped=stopped,
        trials=trials,
    )


# -- lines -------------------------------------------------------------------------------------------------------------


def test_a_trial_is_a_line() -> None:
    (line,) = trial_lines(3, 22, trial())
    assert re.fullmatch(r"\[ 3/22\] php-fpm-stopped +fixed +21\.3 s  as declared", line)
    (line,) = trial_lines(4, 22, MASKED)
    assert "refused (unit-masked)" in line


def test_each_deviation_is_a_line_more() -> None:
    first, *more = trial_lines(1, 2, LIE)
    assert first.endswith("DEVIATES")
    assert [line.strip() for line in more] == list(LIE.deviations)


def test_a_trial_without_a_run_has_no_answer() -> None:
    first, second = trial_lines(1, 1, FAILED)
    assert "no answer" in first
    assert "no space left" in second


def test_a_long_deviation_is_wrapped() -> None:
    lines = trial_lines(1, 1, trial("x", "word " * 60))
    assert len(lines) > 3
    assert max(map(len, lines)) <= 112


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (report(trial(), MASKED), ["REHEARSED app-down: 2 of 2 trials as declared in 75 s"]),
        (
            report(trial(), LIE),
            [
                "nginx-stopped: after fix / from outside: status 502",
                "DEVIATES app-down: 1 of 2 trials as declared in 75 s",
            ],
        ),
        (
            report(trial(), stopped=True),
            ["STOPPED app-down: 1 of 1 trials as declared in 75 s; stopped before the end"],
        ),
        (report(), ["DEVIATES app-down: nothing was rehearsed: it declares no case"]),
    ],
)
def test_the_whole_is_a_line_and_its_deviations(given: RehearsalReport, lines: list[str]) -> None:
    assert summary_lines(given) == lines


def test_the_end_of_several_rehearsals_tells_each_deviation_in_full() -> None:
    assert closing_lines([report(trial(), MASKED), report(trial(), LIE)], 2) == [
        "DEVIATES app-down: nginx-stopped",
        "          after fix / from outside: status 502",
        "          fix: bystander mariadb was started again",
        "DEVIATES: 1 of 2 playbooks as declared, 4 trials in 151 s",
    ]
    assert closing_lines([report(trial()), report(MASKED)], 2) == [
        "REHEARSED: 2 of 2 playbooks as declared, 2 trials in 151 s"
    ]


@pytest.mark.parametrize(
    ("reports", "head"),
    [
        ([report(trial()), report(MASKED, stopped=True)], "STOPPED: 1 of 2 playbooks"),
        ([report(trial())], "STOPPED: 1 of 2 playbooks"),
        ([], "STOPPED: 0 of 2 playbooks"),
        ([report(LIE, stopped=True)], "DEVIATES: 0 of 2 playbooks"),
    ],
)
def test_what_was_not_begun_or_not_ended_is_not_called_rehearsed(reports: list[RehearsalReport], head: str) -> None:
    assert closing_lines(reports, 2)[-1].startswith(head)


def test_the_yardstick_counts_what_was_called_mended_and_was_not() -> None:
    typed = report(trial(typed=WELL), trial("b", typed=LIED), trial("c"))
    assert summary_lines(typed)[-1] == (
        "the runbook's commands typed word for word: of 2 faults 1 ended well, 1 were called fixed and were not, "
        "1 times something was changed that was not broken"
    )
    assert typed_words(WELL) == "site well, said it worked; not broken before, but 1 changed"
    assert typed_words(LIED) == "NOT well, said it worked"
    assert typed_words(None) == ""


# -- Markdown ----------------------------------------------------------------------------------------------------------


def tables(text: str) -> list[list[str]]:
    """Return the tables of a page, each as its lines."""
    found: list[list[str]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                assert before == "", "a table begins after an empty line"
                found.append([])
            found[-1].append(line)
        before = line
    return found


def cells(line: str) -> list[str]:
    assert line.startswith("|")
    assert line.endswith("|")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


WILD = trial(
    "a|b\nc",
    "it said | this\nand that",
    fault="x | y\nz",
    codes=("q|r",),
    before=("a | b", "c\nd"),
    after=(),
    typed=LIED,
)


@pytest.mark.parametrize(
    "given",
    [
        report(trial()),
        report(trial(), MASKED, LIE, FAILED),
        report(trial(typed=WELL), MASKED),
        report(WILD, trial()),
        report(),
    ],
)
def test_every_table_has_as_many_cells_in_every_line(given: RehearsalReport) -> None:
    text = markdown(given)
    first, *others = tables(text)
    assert len(first) == 2 + len(given.trials)
    assert len(others) == sum(trial.fix is not None for trial in given.trials)
    for table in (first, *others):
        assert len({len(cells(line)) for line in table}) == 1
        assert set(table[1]) == {"|", "-"}
    assert "\n\n\n\n" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_the_page_says_what_was_broken_and_what_came_of_it() -> None:
    text = markdown(report(trial(), MASKED, LIE, FAILED))
    first = tables(text)[0]
    assert cells(first[2]) == ["php-fpm-stopped", "fixed", "pending", "fixed", "healthy", "4.4 s"]
    assert cells(first[3])[:3] == ["php-fpm-masked", "refused (unit-masked)", "refused (unit-masked)"]
    assert "**nginx-stopped deviates:** after fix / from outside: status 502; fix: bystander mariadb" in text
    assert "| https://example.com/ 502<br>php8.2-fpm stopped | everything as it should be |" in text
    assert "Php8.2-fpm is stopped." in text
    assert "It did not come to a run." in text
    assert "content `0123456789ab`" in text
    assert "DEVIATES app-down: 2 of 4 trials as declared in 75 s." in text


def test_the_runbook_is_a_column_only_where_it_was_typed() -> None:
    assert "typed" not in markdown(report(trial()))
    assert cells(tables(markdown(report(trial(typed=LIED))))[0][2])[-1] == "NOT well, said it worked"


# -- JUnit -------------------------------------------------------------------------------------------------------------


def parsed(text: str) -> ET.Element:
    assert text.startswith("<?xml version='1.0' encoding='utf-8'?>")
    return ET.fromstring(text.encode())  # noqa: S314  # it is ours


def test_a_suite_for_each_playbook_and_a_case_for_each_trial() -> None:
    root = parsed(junit([report(trial(), LIE), report(MASKED)]))
    assert root.tag == "testsuites"
    first, second = root
    assert first.attrib == {
        "name": "rehearse.app-down",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "time": "75.4",
        "timestamp": "2026-11-23T08:31:40",
    }
    assert second.get("failures") == "0"
    passed, failed = first
    assert (passed.get("classname"), passed.get("name"), list(passed)) == ("rehearse.app-down", "php-fpm-stopped", [])
    (failure,) = failed
    assert failure.get("message") == "after fix / from outside: status 502"
    assert failure.text == "\n".join((LIE.fault, *LIE.deviations))


@pytest.mark.parametrize("bad", ["\x00", "\x1b[31m", "\x0b", "\ud800", "\ufffe", "]]>", "<&\"'", "é ü 語", "\r\n"])
def test_it_is_valid_whatever_a_host_says(bad: str) -> None:
    text = junit([report(trial(f"x{bad}", f"it said {bad} to me", fault=f"{bad}!"))])
    (case,) = parsed(text).iter("testcase")
    assert str(case.get("name")).startswith("x")
    (failure,) = case
    assert "to me" in str(failure.get("message"))


def test_no_suite_is_valid_too() -> None:
    assert list(parsed(junit([]))) == []
