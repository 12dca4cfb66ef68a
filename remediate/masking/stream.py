"""Output streams that survive a failed write."""

from contextlib import suppress
from typing import Protocol


class Stream(Protocol):
    """A destination of text: a file, or a writer that masks it."""

    def write(self, text: str, /) -> int:
        """Write some text."""

    def flush(self) -> None:
        """Pass on all text now."""


class Steady:
    """A stream that never raises. A reader that has left, or a full disk, must not stop a run half-way.

    Text that cannot be written is lost, and `lost` is the reason. Characters that cannot be encoded become backslash
    escapes. Without a stream nothing is written (`sys.stdout` is None if a program was started with it closed).
    """

    def __init__(self, stream: Stream | None) -> None:
        self.lost: Exception | None = None
        self._stream = stream

    def write(self, text: str, /) -> int:
        """Write some text."""
        if self._stream is not None:
            try:
                self._stream.write(self.encodable(text))
            except (OSError, ValueError) as error:
                self.lost = self.lost or error
        return len(text)

    def flush(self) -> None:
        """Pass on all text now."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self.lost = self.lost or error

    def encodable(self, text: str) -> str:
        """Return the text as shown: characters that cannot be encoded become escapes."""
        encoding = getattr(self._stream, "encoding", None)
        if isinstance(encoding, str):
            with suppress(LookupError):
                return text.encode(encoding, "backslashreplace").decode(encoding)
        return text
