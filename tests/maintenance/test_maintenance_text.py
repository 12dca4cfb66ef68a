"""Maintenance reports on a terminal and as documents, with hostile hosts too."""

import re

import pytest

from remediate.maintenance.text import lines, markdown
from remediate.report.wrapping import WIDTH
from support.toy_maintenance import HOSTILE, report, result

BAD = result(
    False,
    summary="/ reaches 95 % about 2026-12-25",
    evidence=tuple(f"line {number}" for number in range(12)),
    advice=("make room",),
    plot=("/", " 100 % ┤   ••", "       └┬───"),
)


def test_a_terminal_shows_the_answer_its_evidence_the_plot_what_to_do_and_whose_it_is() -> None:
    shown = list(lines(report(BAD, result(True, "queue-health"), result(None, "backup"))))
    assert shown[0] == "maintain.monthly on web1 (web1.example.com)   operator ana   18:00:00Z"
    assert shown[1] == "NO    Capacity planning               / reaches 95 % about 2026-12-25"
    assert shown[2] == "      line 0"
    assert "      and 4 more: --markdown FILE or --json has them" in shown
    plot = shown.index("      /")
    assert shown[plot + 1 : plot + 3] == ["       100 % ┤   ••", "             └┬───"]
    assert shown[plot + 3 : plot + 5] == ["      do: make room", "      owner: Tech Lead"]
    assert shown[-1] == "1 yes, 1 no, 1 cannot know in 2 s"
    assert [line[:3] for line in shown if line[:1] not in " m1"] == ["NO ", "yes", "?  "]


def test_a_host_that_was_not_reached_is_told_and_counted() -> None:
    shown = list(lines(report(error="connection refused")))
    assert shown[1] == "?     web1 was not reached: connection refused"
    assert shown[-1] == "0 yes, 0 no, 0 cannot know, 1 host not reached in 2 s"
    assert "Not reached: connection refused" in markdown(report(error="connection refused"))


def test_a_document_has_everything_and_boxes_to_tick() -> None:
    page = markdown(report(BAD))
    assert page.startswith("# maintain.monthly, 2026-11-23 18:00 UTC\n\n0 yes, 1 no, 0 cannot know; by ana in 2.0 s.\n")
    assert "### NO: Capacity planning" in page
    assert [f"- line {number}" for number in range(12)] == re.findall(r"^- line .*$", page, re.MULTILINE)
    assert "- [ ] make room (Tech Lead)" in page
    assert "```\n/\n 100 % ┤   ••\n       └┬───\n```" in page


HOSTILE_RESULT = result(False, summary=HOSTILE, evidence=(HOSTILE,), advice=(HOSTILE,), plot=(HOSTILE, "``` # out"))


def test_nothing_that_a_host_says_moves_the_terminal() -> None:
    shown = list(lines(report(HOSTILE_RESULT, error=HOSTILE)))
    assert not re.search(r"[\x00-\x1f\x7f]", "".join(shown))
    assert all(len(line) <= WIDTH for line in shown if "'id'" not in line)  # A plot is as wide as it is.


def test_nothing_that_a_host_says_is_a_heading_a_link_or_markup() -> None:
    page = markdown(report(HOSTILE_RESULT))
    assert re.findall(r"^#+ .*$", page, re.MULTILINE) == [
        "# maintain.monthly, 2026-11-23 18:00 UTC",
        "## web1",
        "### NO: Capacity planning",
    ]
    outside = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    assert page.count("\n```\n") == 2
    assert "{{ 7 * 7 }}" in re.sub(r"\\", "", outside), "it is text to the template"
    assert not re.search(r"(?<!\\)<img|(?<!\\)\]\(", outside)
    assert "\x1b" not in page


@pytest.mark.parametrize("ok", [True, None])
def test_a_yes_needs_no_owner_and_everything_else_does(*, ok: bool | None) -> None:
    assert any("owner: Tech Lead" in line for line in lines(report(result(ok)))) is (ok is not True)
