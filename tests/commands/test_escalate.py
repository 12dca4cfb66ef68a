"""Calling people in: whom the matrix wants, once, by what reaches them."""

import pytest

from remediate.commands import escalate as escalating
from remediate.errors import ConfigurationError
from support.incident_desk import Desk, broken


def test_whom_the_matrix_wants_is_called_in(desk: Desk) -> None:
    desk.settings(
        '[tool.remediate.incidents]\ntimezone = "UTC"\n'
        '[tool.remediate.incidents.contacts.tech-lead]\nprimary = "Tess"\n'
    )
    desk("declare", title="x", severity="1")
    with pytest.raises(ConfigurationError, match=r"nobody is due yet; at .* it is tech-lead"):
        desk.after(10)("escalate")
    assert desk.after(31)("escalate", send=True) == 0
    assert "call    Tech Lead: Tess by Phone/Slack" in desk.out
    assert "SEV-1 needs you" in desk.messages
    (made,) = desk.incident.escalations
    assert (made.roles, made.people) == (("tech-lead",), ("Tech Lead: Tess by Phone/Slack",))
    desk.after(32)("escalate", situation="breach")
    assert [each.value for each in desk.incident.situations] == ["breach"]
    assert "nobody is named: set legal in contacts" in desk.out
    assert len(desk.incident.escalations) == 1, "who was only shown has not been called in"
    assert "nobody was called in: --send sends it" in desk.out
    desk.after(33)("escalate", to="devops", why="the disk", send=True)
    assert desk.incident.escalations[-1].reason == "the disk"
    for flags, words in (({"to": "king"}, "no role 'king'"), ({"situation": "rain"}, "--situation takes")):
        with pytest.raises(ConfigurationError, match=words):
            desk("escalate", **flags)


@pytest.mark.parametrize("roles", [",", " , ,"])
def test_nobody_is_no_role(desk: Desk, roles: str) -> None:
    desk("declare", title="x", severity="1")
    with pytest.raises(ConfigurationError, match="--to takes: on-call, tech-lead"):
        desk("escalate", to=roles)


def test_whom_nothing_can_reach_is_not_recorded_as_called(desk: Desk) -> None:
    desk("declare", title="x", severity="1")
    file = broken(desk, "escalation")
    with pytest.raises(ConfigurationError, match="severty"):
        desk.after(31)("escalate", send=True)
    assert not desk.incident.escalations
    file.unlink()
    assert desk("escalate", send=True) == 0
    assert [one.roles for one in desk.incident.escalations] == [("tech-lead",)]


def test_whoever_is_killed_between_calling_and_writing_it_down_calls_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk("declare", title="x", severity="1")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(escalating, "_escalated", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.after(31)("escalate", send=True)
    assert not desk.incident.escalations
    assert desk("escalate", send=True) == 0
    assert len(desk.incident.escalations) == 1
    assert desk.messages.count("needs you") == 1


def test_a_call_is_not_lost_to_a_setting(desk: Desk) -> None:
    desk.settings(
        '[tool.remediate.incidents.channels.slack]\nkind = "apprise"\nreference = "env:NO"\naudiences = ["internal"]\n'
    )
    desk("declare", title="x", severity="1")
    assert desk.after(31)("escalate", send=True) == 0
    assert "escalation to messages.txt: sent" in desk.out
    assert "escalation to this terminal: sent" in desk.out
    assert "SEV-1 needs you" in desk.messages
