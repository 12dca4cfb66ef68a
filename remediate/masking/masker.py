"""The masker that every text passes before it leaves the process.

A `Masker` knows the secret values of a run, not their names. It removes them in every form that they usually take. A
common word is removed only where it is a value (`common_words`). Secrets that nobody registered are recognised by
their pattern (`secret_patterns`). Masking cannot be switched off.

Text from a host goes through `strip_control` first and a `Masker` second. A secret that an escape sequence interrupts
is only complete again without the sequence.
"""

import base64
import json
import re
import shlex
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar
from urllib.parse import quote, quote_plus

from remediate.masking.common_words import as_values, is_common
from remediate.masking.secret_patterns import MASK, mask_shapes

if TYPE_CHECKING:
    from pydantic import BaseModel

SHORTEST = 4
"""The least characters of a registered value. Masking `yes` or `80` everywhere would make output unreadable."""

LINE: Final = 500
"""The most characters of a line that a person types. Its masked text has to fit, too."""

T = TypeVar("T", bound="BaseModel")

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# Every control character begins exactly one alternative, so that removing sequences cannot form new ones.
_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS: titles, clipboard
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def strip_control(text: str | bytes) -> str:
    r"""Make text from a host safe to show, without control characters or escape sequences.

    Only `\n` and `\t` stay. Bytes are read as UTF-8. Invalid bytes and lone surrogates become backslash escapes, so
    that the result can always be encoded.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return _CONTROL.sub("", text).encode("utf-8", "backslashreplace").decode("utf-8")


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield the base64 forms of `data`, alone and at three offsets inside a longer text."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode()
        yield from (whole, whole.rstrip("="))
        for width in (64, 76):  # These are the line lengths of OpenSSL and base64(1).
            yield from (whole[start : start + width] for start in range(0, len(whole), width) if len(whole) > width)
        for offset in range(3):
            # The characters at both ends hold bits of the neighbours, so only those in between are always the same.
            encoded = encode(bytes(offset) + data).decode()
            yield encoded[(offset * 8 + 5) // 6 : (offset + len(data)) * 8 // 6]


def _quoted_forms(value: str) -> Iterator[str]:
    import html  # It loads the names of all entities, so import it only if there is a secret.

    yield from (value, value.strip(), value.replace("\n", "\r\n"))
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield from (once, once.replace("/", r"\/"), json.dumps(once, ensure_ascii=ascii_only)[1:-1])
    yield re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), json.dumps(value)[1:-1])
    yield from (repr(value)[1:-1], ascii(value)[1:-1])
    # repr chooses its quotes by content, so the same value inside a longer text may have either.
    yield from (repr(value + "'")[1:-2], repr(value + "'\"")[1:-4].removesuffix("\\"), repr('"' + value)[2:-1])
    shell = shlex.quote(value)
    yield shell.removeprefix("'").removesuffix("'")
    yield value.replace("'", r"'\''")
    yield re.sub(r"([^A-Za-z0-9_@%+=:,./\n-])", r"\\\1", value)  # printf %q
    yield re.sub(r'([\\"$`])', r"\\\1", value)  # inside double quotes
    yield from (html.escape(value), html.escape(value, quote=False))


def _encoded_forms(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogatepass")
    for text in (quote(data, safe=""), quote(data, safe="/"), quote_plus(data), quote(data, safe="!'()*~/")):
        yield text
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text)
    yield from (repr(data)[2:-1], data.hex(), data.hex().upper())
    yield from _base64_forms(data)
    yield from _base64_forms(data + b"\n")  # echo "$SECRET" | base64


def _forms(value: str) -> set[str]:
    """Return every form of `value` to search for."""
    found: set[str] = set()
    for part in (value, *value.splitlines()):
        if len(part.strip()) >= SHORTEST:
            found.update(_quoted_forms(part), _encoded_forms(part))
    return {form for form in found if len(form) >= SHORTEST and form.strip() and form not in MASK}


class Masker:
    """The secrets of a run. Register each as soon as it is known, and pass every text through `mask`.

    A masker only grows, and threads may share it. Values shorter than `SHORTEST` characters are not registered.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._common: re.Pattern[str] | None = None
        self._forms: tuple[str, ...] = ()
        self.register(*secrets)

    def __repr__(self) -> str:
        return f"<Masker of {len(self._known)} values>"

    def register(self, *secrets: str) -> None:
        """Mask these values from now on in all their forms. Each line of a longer value counts, too."""
        with self._lock:
            new = frozenset(secrets) - self._known
            if new:
                self._known |= new
                forms = (form for secret in new if not is_common(secret) for form in _forms(secret))
                self._forms = tuple(sorted({*self._forms, *forms}))
                self._common = as_values(filter(is_common, self._known))

    def mask(self, text: str) -> str:
        """Return `text` with `MASK` for every registered value and everything that looks like a secret."""
        if self._common is not None:
            text = self._common.sub(lambda found: f"{found[1] or found[2] or ''}{MASK}", text)
        return self._mask_everywhere(text)

    def holds(self, text: str) -> bool:
        """Return whether `text` contains a registered value."""
        return bool(self._spans(text)) or (self._common is not None and self._common.search(text) is not None)

    def _mask_everywhere(self, text: str) -> str:
        parts, end = [], 0
        for start, stop in self._spans(text):
            parts += [text[end:start], MASK]
            end = stop
        return mask_shapes("".join(parts) + text[end:])

    def mask_json(self, value: Json) -> Json:
        """Mask every string in a JSON-like value, keys and numbers that equal a secret included."""
        match value:
            case str():
                return self.mask(value)
            case list():
                return [self.mask_json(item) for item in value]
            case dict():
                masked: dict[str, Json] = {}
                for key, item in value.items():
                    name = unique = self._mask_everywhere(key)
                    while unique in masked:  # Two masked keys must not overwrite each other's value.
                        unique += "+"
                    masked[unique if unique != name else name] = self.mask_json(item)
                return masked
            case int() | float() if not isinstance(value, bool) and self._spans(str(value)):
                return MASK
            case _:
                return value

    def masked(self, model: T) -> T:
        """Return `model` with its texts masked, except identifiers. Other values stay; it cannot fail."""
        from remediate.masking.models import masked

        return masked(self, model)

    def masked_model(self, model: "BaseModel") -> Json:
        """Return `model` as masked JSON, for reports, journals and notifications."""
        return self.mask_json(model.model_dump(mode="json"))

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Return the positions of registered values in order, with overlapping ones merged."""
        found = []
        for form in self._forms:
            start = text.find(form)
            while start >= 0:
                found.append((start, start + len(form)))
                start = text.find(form, start + 1)
        merged: list[tuple[int, int]] = []
        for start, stop in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return merged

    def settled(self, text: str) -> int:
        """Return the length of `text` that can no longer become part of a registered value."""
        if not text:
            return 0
        cut = len(text)
        for form in self._forms:
            at = form.find(text[-1])
            while 0 <= at < len(form) - 1:
                if at + 1 > len(text) - cut and text.endswith(form[: at + 1]):
                    cut = len(text) - at - 1
                at = form.find(text[-1], at + 1)
        for start, stop in self._spans(text):
            if start < cut < stop:
                return start
        return cut
