"""Reads the frames in a host's answer to the script of `remediate.transport.script`."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from remediate.transport.script import STDOUT_LIMIT

PAYLOAD_LIMIT: Final = STDOUT_LIMIT + 1
"""The most bytes of one frame. The script cuts every answer on the host, so a longer one is not from it."""
HEADER_LIMIT: Final = 256
"""The most bytes of a frame's first line."""
GREETING_LIMIT: Final = 4096
"""Bytes kept of the output before the first frame: a login shell's greeting or refusal."""


class NotFrames(Exception):
    """The host's answer is not the script's."""


class Frame(NamedTuple):
    """One frame of the answer. Raw bytes follow its words after `out`, `err` and `lock busy`."""

    words: tuple[str, ...]
    payload: bytes


_WITH_PAYLOAD: Final = frozenset({"out", "err"})


class FrameReader:
    """Cuts a byte stream into frames, whatever its pieces, and keeps at most one frame."""

    def __init__(self, nonce: str) -> None:
        self._mark = f"\n{nonce} ".encode()
        self._buffer = bytearray()
        self._searched = 0
        self._open: tuple[str, ...] | None = None
        self._greeting = bytearray()

    @property
    def greeting(self) -> str:
        """The login shell's output before the script began, cut at GREETING_LIMIT bytes."""
        return bytes(self._greeting[:GREETING_LIMIT]).decode(errors="backslashreplace").strip()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add the next bytes and yield every complete frame. Raises NotFrames."""
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
            # The newline at the end of this line may be the first byte of the next frame.
            del self._buffer[: end if not self._holds_payload(words) else end + 1]
            self._searched = 0
            yield from self._close(before)
            if self._holds_payload(words):
                self._open = words
            else:
                yield Frame(words, b"")
        # The last bytes may be the beginning of a mark.
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
        """Return the output outside of frames, to explain why a host did not answer."""
        return (self.greeting + bytes(self._buffer[:GREETING_LIMIT]).decode(errors="backslashreplace")).strip()
