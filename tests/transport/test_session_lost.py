"""A link that is lost: unknown where unknown, harmless only where certain."""

import time

import pytest

from remediate.errors import ContactLost, Unreachable, UnreachableCode
from remediate.testing import PaperHost
from remediate.transport.acted import ActState
from remediate.transport.script import build
from support.paper_hosts import STATE, act, begin, steps_run, until


def test_a_link_lost_while_acting_is_contact_lost(any_host: PaperHost) -> None:
    any_host.lose(seen=b"fence held")
    rounds = begin(any_host, act())
    with pytest.raises(ContactLost, match="may or may not have run"):
        rounds.acted()
    rounds.close()
    for _ in until("the step runs all the same"):
        if steps_run(any_host) == ["1"]:
            break


@pytest.mark.parametrize("seen", [b" hello", b"lock held", b"fence held", b"exit s0", b"acted", b"out 0"])
def test_a_link_lost_after_the_last_line_was_sent_is_never_harmless(sh_host: PaperHost, seen: bytes) -> None:
    sh_host.lose(seen=seen)
    rounds = begin(sh_host, act())
    with pytest.raises(ContactLost):  # noqa: PT012  # which of the two sees it is a race
        rounds.acted()
        rounds.next()
    rounds.close()


@pytest.mark.parametrize("part", [0, 0.001, 0.5, 0.98])
def test_a_link_lost_before_the_last_line_is_unreachable_and_runs_nothing(sh_host: PaperHost, part: float) -> None:
    sh_host.lose(sent=int(part * len(sh_host.on_paper(build("0" * 32, [STATE.command()], act())))))
    with pytest.raises(Unreachable) as caught:
        begin(sh_host, act())
    assert caught.value.code is UnreachableCode.LOST
    time.sleep(0.2)
    assert sh_host.calls == []


def test_a_link_lost_in_the_last_line_is_contact_lost(sh_host: PaperHost) -> None:
    script = sh_host.on_paper(build("0" * 32, [STATE.command()], act()))
    sh_host.lose(sent=len(script) - 3)
    with pytest.raises(ContactLost):
        begin(sh_host, act())


def test_a_link_lost_while_only_asking_is_unreachable(sh_host: PaperHost) -> None:
    sh_host.lose(seen=b"out 0")
    rounds = begin(sh_host)
    with pytest.raises(Unreachable, match="the link died"):
        rounds.next()


def test_a_link_lost_after_a_refusal_changed_nothing(sh_host: PaperHost) -> None:
    (sh_host.home / "state").write_text("moved\n")
    rounds = begin(sh_host, act())
    assert rounds.acted().state is ActState.MOVED
    with pytest.raises(Unreachable):
        rounds.next()


def test_no_answer_in_time_while_acting_is_contact_lost(sh_host: PaperHost) -> None:
    sh_host.program("step", seconds=60)
    rounds = begin(sh_host, act(), seconds=1)
    channel = rounds._channel
    channel._until = time.monotonic() + 0.5  # type: ignore[attr-defined]  # a PaperChannel
    with pytest.raises(ContactLost, match="no answer in time"):
        rounds.acted()


def test_a_host_that_stops_answering_tells_what_it_told(sh_host: PaperHost) -> None:
    sh_host.program("state", stdout="seen", seconds=60)
    rounds = begin(sh_host)
    rounds._channel._until = time.monotonic() + 0.5  # type: ignore[attr-defined]  # a PaperChannel
    with pytest.raises(Unreachable, match="answered none of the questions"):
        rounds.next()
