"""Hostile answers: bounded memory, and an error that names the host."""

import secrets
from collections.abc import Iterable, Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.core.command import ROOT, Output, Run
from remediate.core.facts import Facts
from remediate.errors import ContactLost, Unreachable
from remediate.transport.frames import HEADER_LIMIT, PAYLOAD_LIMIT, FrameReader, NotFrames
from remediate.transport.script import Act
from remediate.transport.session import ANSWER_LIMIT, NOISE_LIMIT, ShellRounds, ShellSession
from support.paper_hosts import STATE

NONCE: Final = "0123456789abcdef0123456789abcdef"
STEP: Final = Run.of("/usr/bin/step", "1", user=ROOT)
PIECE: Final = 64 * 1024


class Saying:
    """A link to a host that says what the test wants, whatever it is sent."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self.said = 0

    def start(self, command: str, *, seconds: float) -> "Saying":
        return self

    def send(self, data: bytes) -> None:
        pass

    def receive(self, seconds: float | None = None) -> bytes:
        piece = next(self._pieces, b"")
        self.said += len(piece)
        return piece

    def finish(self) -> tuple[int | None, bytes]:
        return None, b""

    def close(self) -> None:
        pass


def framed(*words: str) -> bytes:
    return f"\n{NONCE} {' '.join(words)}\n".encode()


def rounds(link: Saying, act: Act | None, monkeypatch: pytest.MonkeyPatch) -> ShellRounds:
    monkeypatch.setattr(secrets, "token_hex", lambda _: NONCE)
    return ShellSession(link).begin((STATE,), act, seconds=10)


@pytest.mark.parametrize("words", ["exit 7 0", "exit 0 ²", "exit -1 0", "exit x 0", "exit 0 x", f"exit 0 {'9' * 5000}"])
def test_an_answer_to_no_question_is_the_hosts_fault(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    link = Saying([framed("hello"), framed(*words.split()), framed("round")])
    with pytest.raises(Unreachable):
        rounds(link, None, monkeypatch).next()


@pytest.mark.parametrize("words", ["exit s7 0", "exit s0 ²", "exit s-1 0", "exit 0 0", "exit sx 0"])
def test_while_acting_it_means_that_contact_is_lost(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = framed("hello") + framed("lock", "held") + framed("fence", "held")
    link = Saying([begun + framed(*words.split()), framed("acted")])
    with pytest.raises(ContactLost, match="may or may not have run"):
        rounds(link, Act(steps=(STEP,)), monkeypatch).acted()


def flood(*, framing: bool) -> Iterator[bytes]:
    while True:
        yield (framed("out", "0") if framing else b"") + b"x" * (PAYLOAD_LIMIT - 100)


@pytest.mark.parametrize("framing", [False, True])
@pytest.mark.parametrize("acting", [False, True])
def test_a_flood_ends_at_what_its_questions_allow(acting: bool, framing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    link = Saying(flood(framing=framing))
    asked = rounds(link, Act(steps=(STEP,)) if acting else None, monkeypatch)
    with pytest.raises(ContactLost if acting else Unreachable, match="floods"):
        asked.acted() if acting else asked.next()
    assert link.said <= NOISE_LIMIT + 2 * ANSWER_LIMIT + PIECE


def test_every_round_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = framed("out", "0") + b"x" * 30_000 + framed("err", "0") + framed("exit", "0", "0") + framed("round")
    asked = rounds(Saying([framed("hello"), *[answer] * 200]), None, monkeypatch)
    for _ in range(200):
        assert isinstance(asked.next()[STATE], Output)


@pytest.mark.parametrize("cut", [1, 777, 1 << 20])
def test_a_reader_keeps_no_more_than_one_frame(cut: int) -> None:
    for begin in (b"", framed("out", "0"), f"\n{NONCE} out ".encode()):
        reader = FrameReader(NONCE)
        text = begin + b"x" * (3 * PAYLOAD_LIMIT)
        try:
            for at in range(0, len(text), cut):
                list(reader.feed(text[at : at + cut]))
                assert len(reader._buffer) <= PAYLOAD_LIMIT + HEADER_LIMIT + cut
            assert begin == b""
        except NotFrames:
            assert begin


SAID: Final = "hello lock held busy none fence moved out err exit acted round 0 1 7 s0 s1 s7 -1 s-1 ² x 00 255 9999999"
WORDS = st.sampled_from(SAID.split())
FRAMES = st.lists(WORDS, max_size=4).map(lambda words: framed(*words))
PIECES = st.lists(st.one_of(FRAMES, st.binary(max_size=40), st.just(f"\n{NONCE} ".encode()), st.just(b"\n")))


@given(pieces=PIECES, acting=st.booleans(), again=st.integers(1, 3))
def test_no_answer_is_told_as_a_bug(pieces: list[bytes], acting: bool, again: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        asked = rounds(
            Saying(piece for piece in pieces if piece), Act(steps=(STEP, STEP)) if acting else None, monkeypatch
        )
        try:
            if acting:
                asked.acted()
            for _ in range(again):
                Facts.read((STATE,), asked.next())
        except (Unreachable, ContactLost):
            pass
        finally:
            asked.close()
