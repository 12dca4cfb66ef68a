"""Text at 80 columns: what is copied or read as one stays on one line."""

import pytest

from remediate.report.wrapping import WIDTH, wrap

LONG = "invoke fix.app-down --host web1 --inventory 'my hosts/prod.yml' --override locked='it is my own, from before'"


@pytest.mark.parametrize(
    "whole",
    [
        "invoke fix.app-down --host web1 --plan",
        "inv check.high-load --host web1,web2",
        "remediate do.env.set --key APP_NAME --value-from stdin --unit 'super visor' --host web1",
        LONG,
        """invoke fix.app-down --host web1 --override locked='it is my own, it'"'"'s from before'""",
        'invoke incident.resolve --incident 7f3a --override "why it is over"',
        "invoke fix.app-down --host=web1 --plan",
        "remediate runs.show 7f3a --json",
        "sudo -n /usr/bin/systemctl restart php8.2-fpm.service",
        "`sudo tail -n 20 /var/log/nginx/error.log`",
        "(exit 255)",
        "32.4 s",
        "next: invoke triage --host web1",
        "evidence: invoke runs.show 7f3a",
    ],
)
@pytest.mark.parametrize("before", range(0, WIDTH, 5))
@pytest.mark.parametrize("after", ["", "; and what follows, in many words", ", then something else"])
def test_what_stays_on_one_line(whole: str, before: int, after: str) -> None:
    words = "word " * (before // 5)
    lines = wrap(f"{words}{whole}{after}")
    assert any(whole in line for line in lines), lines
    assert all(len(line) <= WIDTH or whole in line for line in lines)
    assert " ".join(" ".join(lines).split()) == f"{words}{whole}{after}"


def test_nothing_else_is_glued() -> None:
    lines = wrap("remediate cannot know whether this host has, at the moment, room for more, " * 3)
    assert all(len(line) <= WIDTH for line in lines)
    assert all(len(line) > WIDTH - 20 for line in lines[:-1])


def test_a_space_that_does_not_break_in_what_a_host_says_does_not_widen_a_line() -> None:
    assert all(len(line) <= WIDTH for line in wrap("a\N{NO-BREAK SPACE}" * 200))
