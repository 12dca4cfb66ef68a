"""Reads the frames that `remediate.transport.script` makes a host answer with."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from remediate.transport.script import STDOUT_LIMIT

PAYLOAD_LIMIT: Final = STDOUT_LIMIT + 1
"""Bytes of one frame: the script cuts every answer on the host, so that a longer one is none of its."""
HEADER_LIMIT: Final = 256
"""Bytes of the line that begins a frame."""
GREETING_LIMIT: Final = 4096
"""Bytes kept of what comes before the first frame: a login shell that talks, or one that refuses."""


class NotFrames(Exception):
    """The host answers with what the script never says."""


class Frame(NamedTuple):
    """One framed piece of the answer: its words, and for `out`, `err` and `busy` the raw bytes that follow."""

    words: tuple[str, ...]
    payload: bytes


_WITH_PAYLOAD: Final = frozenset({"out", "err"})


class FrameReader:
    """Cuts a byte stream into frames, however it arrives in pieces, and keeps no more of it than one frame."""

    def __init__(self, nonce: str) -> None:
        self._mark = f"\n{nonce} ".encode()
        self._buffer = bytearray()
        self._searched = 0
        self._open: tuple[str, ...] | None = None
        self._greeting = bytearray()

    @property
    def greeting(self) -> str:
        """What the login shell printed before the script began, cut at a limit."""
        return bytes(self._greeting[:GREETING_LIMIT]).decode(errors="backslashreplace").strip()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes and yield every frame that is complete now. Raises NotFrames."""
        self._buffer += data
        while (start := self._buffer.find(self._mark, self._searched)) >= 0:
            end = self._buffer.find(b"\n", start + len(self._mark))
            if (len(self._buffer) if end < 0 else end) - start > HEADER_LIMIT:
                raise NotFrames("a frame without an end of its first line")
            if end < 0:
                self._searched = start
                return
            before = bytes(self._buffer[:start])
            words = tuple(self._buffer[start + len(self._mark) : end].decode(errors="backslashreplace").split())
            # The newline that ends this line may be the one that begins the next frame's.
            del self._buffer[: end if not self._holds_payload(words) else end + 1]
            self._searched = 0
            yield from self._close(before)
            if self._holds_payload(words):
                self._open = words
            else:
                yield Frame(words, b"")
        # A mark may have begun in the last bytes.
        self._searched = max(0, len(self._buffer) - len(self._mark) + 1)
        if self._open is not None and self._searched > PAYLOAD_LIMIT:
            raise NotFrames("a longer answer than the script lets through")
        if self._open is None and len(self._buffer) > GREETING_LIMIT:
            self._greeting += self._buffer[: self._searched]
            del self._greeting[GREETING_LIMIT:]
            del self._buffer[: self._searched]
            self._searched = 0

    def _close(self, payload: bytes) -> Iterator[Frame]:
        if self._open is None:
            self._greeting += payload
            del self._greeting[GREETING_LIMIT:]
        elif len(payload) > PAYLOAD_LIMIT:
            raise NotFrames("a longer answer than the script lets through")
        else:
            yield Frame(self._open, payload)
            self._open = None

    @staticmethod
    def _holds_payload(words: tuple[str, ...]) -> bool:
        return bool(words) and (words[0] in _WITH_PAYLOAD or words == ("lock", "busy"))

    def rest(self) -> str:
        """Return what arrived outside any frame, for saying why a host did not answer."""
        return (self.greeting + bytes(self._buffer[:GREETING_LIMIT]).decode(errors="backslashreplace")).strip()
