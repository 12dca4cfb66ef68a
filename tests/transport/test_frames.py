"""The frames of an answer: the same however they arrive."""

from hypothesis import given
from hypothesis import strategies as st

from remediate.transport.frames import Frame, FrameReader
from support.asking import NONCE


def frames(data: bytes, *cuts: int) -> tuple[list[Frame], FrameReader]:
    reader, found, begun = FrameReader(NONCE), list[Frame](), 0
    for end in (*sorted(cuts), len(data)):
        found += reader.feed(data[begun:end])
        begun = end
    return found, reader


def framed(*words: str) -> bytes:
    return f"\n{NONCE} {' '.join(words)}\n".encode()


@given(
    payloads=st.lists(st.tuples(st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 255)), max_size=5),
    noise=st.binary(max_size=60),
    data=st.data(),
)
def test_frames_are_the_same_however_they_arrive(
    payloads: list[tuple[bytes, bytes, int]], noise: bytes, data: st.DataObject
) -> None:
    text, wanted = noise + framed("hello"), [Frame(("hello",), b"")]
    for index, (out, err, status) in enumerate(payloads):
        text += (
            framed("out", str(index)) + out + framed("err", str(index)) + err + framed("exit", str(index), str(status))
        )
        wanted += [
            Frame(("out", str(index)), out),
            Frame(("err", str(index)), err),
            Frame(("exit", str(index), str(status)), b""),
        ]
    text += framed("round")
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    found, reader = frames(text, *cuts)
    assert found == [*wanted, Frame(("round",), b"")]
    assert reader.greeting == noise.decode(errors="backslashreplace").strip()


def test_noise_before_the_first_frame_is_bounded() -> None:
    reader = FrameReader(NONCE)
    for _ in range(200):
        assert list(reader.feed(b"motd " * 1000)) == []
    assert len(reader.rest()) <= 2 * 4096
    assert list(reader.feed(framed("hello"))) == [Frame(("hello",), b"")]
