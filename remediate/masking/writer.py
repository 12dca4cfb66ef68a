"""A stream that masks text for a person, a pipe or a file."""

import base64
import io
import json
import threading
from collections.abc import Callable
from typing import Final, TextIO
from urllib.parse import quote

from remediate.masking.masker import Masker
from remediate.masking.secret_patterns import after_block, leaves_block_open, opens
from remediate.masking.stream import Steady

_LONGEST_LINE: Final = 65536
"""The most characters of an unfinished line that a `MaskedWriter` holds back."""


class MaskedWriter(io.TextIOBase):
    """A masking text stream, for use in place of stdout, stderr and every log file.

    Text is passed on a line at a time, so that a secret that arrives in pieces is complete when it is searched for. The
    end of a text that may be the beginning of a registered value waits for more. `flush` also passes on an unfinished
    line, unless it may begin a match of the secret patterns; `release` passes on even that, masked. The stream below is
    never closed, may be None, and never makes a `write` raise (see `Steady`). There is no `buffer`, so masking cannot
    be bypassed.
    """

    def __init__(self, stream: TextIO | None, masker: Masker) -> None:
        super().__init__()
        self._stream = stream
        self._below = Steady(stream)
        self._masker = masker
        self._waiting = ""
        self._in_block = False
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed declares a variable.
        """The encoding of the stream below."""
        return "utf-8" if self._stream is None else self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # typeshed declares a variable.
        """The error handler of the stream below."""
        return None if self._stream is None else self._stream.errors

    @property
    def lost(self) -> Exception | None:
        """The first error of a write; None if everything was written."""
        return self._below.lost

    def register(self, *secrets: str) -> None:
        """Mask these values from now on."""
        self._masker.register(*secrets)

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether the stream below is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor below, for its size and kind. Writes to it are not masked."""
        if self._stream is None:
            raise io.UnsupportedOperation("there is no stream below")
        return self._stream.fileno()

    def write(self, text: str, /) -> int:
        """Accept `text`, and mask and pass on complete lines."""
        with self._lock:
            if self.closed:
                raise ValueError("write to a closed stream")
            self._waiting += text
            if "\n" in text:
                self._pass_on(self._waiting.rindex("\n") + 1)
            if len(self._waiting) > _LONGEST_LINE:
                self._pass_on(len(self._waiting))
        return len(text)

    def hand_out(self, text: str) -> None:
        """Pass on a file for installation, byte for byte, even with parts like secrets.

        Raises ValueError for a file with a registered secret, because a masked file would not work.
        """
        if self._masker.holds(text):
            raise ValueError("what is to be installed would hold a secret")
        with self._lock:
            if self._open:
                self.release()
                self._below.write(text)
                self._below.flush()

    def flush(self) -> None:
        """Pass on the safe part of an unfinished line, and flush the stream below."""
        with self._lock:
            # io calls flush again from close and from __del__, when the stream below may be gone.
            if self._open:
                if not opens(self._waiting):
                    self._pass_on(len(self._waiting))
                self._below.flush()

    def release(self) -> None:
        """Pass on everything that waits, masked, and stop waiting for a private key's end.

        Use it before and after a question, which a person has to see before answering.
        """
        with self._lock:
            if self._open:
                self._emit(len(self._waiting))
                self._in_block = False
                self._below.flush()

    def close(self) -> None:
        """Pass on everything that waits. The stream below stays open."""
        with self._lock:
            if self._open:
                self._emit(len(self._waiting))
                self._below.flush()
            super().close()

    @property
    def _open(self) -> bool:
        return not self.closed and self._stream is not None and not self._stream.closed

    def _pass_on(self, length: int) -> None:
        self._emit(self._masker.settled(self._waiting[:length]))

    def _emit(self, length: int) -> None:
        text, self._waiting = self._waiting[:length], self._waiting[length:]
        if self._in_block:
            rest = after_block(text)
            if rest is None:
                return
            text, self._in_block = rest, False
        self._in_block = leaves_block_open(text)
        self._below.write(self._masker.mask(text) + ("\n" if self._in_block else ""))


def _check(write: Callable[[Masker, str], str], secret: str, form: str) -> None:
    shown = write(Masker([secret]), f"before [{form}] after\n")
    if form in shown or secret in shown or "before [" not in shown or "] after" not in shown:
        raise RuntimeError("masking does not work: a test value came through, so nothing was started")


def _write_in_pieces(masker: Masker, text: str) -> str:
    shown = io.StringIO()
    with MaskedWriter(shown, masker) as writer:
        for character in text:
            writer.write(character)
    return shown.getvalue()


def self_test() -> None:
    """Check at start-up that masking works. Raises RuntimeError before anything could leak."""
    value = "q+Z.*[7\"'\\ü$/x&\nsecond=line"
    spelled = (value, json.dumps(value)[1:-1], quote(value, safe=""), base64.b64encode(value.encode()).decode())
    for form in spelled:
        _check(Masker.mask, value, form)
        _check(_write_in_pieces, value, form)
    if "hunter2" in Masker().mask("DB_PASSWORD=hunter2\nmysql://root:hunter2@db/x"):
        raise RuntimeError("masking by shape does not work, so nothing was started")
