"""Output streams that survive a failed write."""

from contextlib import suppress
from typing import Protocol


class Stream(Protocol):
    """Where text goes: a file, or a writer that masks on the way."""

    def write(self, text: str, /) -> int:
        """Take some text."""

    def flush(self) -> None:
        """Let it out now."""


class Steady:
    """A stream that never raises: a reader who has left, or a full disk, must not stop a run half-way.

    What cannot be written is lost, and `lost` says why; what cannot be encoded becomes backslash escapes. Without a
    stream (`sys.stdout` is None where a program was started with it closed) nothing is written.
    """

    def __init__(self, stream: Stream | None) -> None:
        self.lost: Exception | None = None
        self._stream = stream

    def write(self, text: str, /) -> int:
        """Take some text."""
        if self._stream is not None:
            try:
                self._stream.write(self._encodable(text))
            except (OSError, ValueError) as error:
                self.lost = self.lost or error
        return len(text)

    def flush(self) -> None:
        """Let it out now."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self.lost = self.lost or error

    def _encodable(self, text: str) -> str:
        encoding = getattr(self._stream, "encoding", None)
        if isinstance(encoding, str):
            with suppress(LookupError):
                return text.encode(encoding, "backslashreplace").decode(encoding)
        return text
