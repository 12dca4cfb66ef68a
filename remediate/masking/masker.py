"""The masker that every text passes before it leaves the process.

Values are registered, not names: a `Masker` knows the secrets of a run and removes them in every form they usually
take; one that is a word of everybody's goes only where it stands as a value (`common_words`). What nobody registered
is still caught where its shape gives it away (`shapes`). There is no switch that turns masking off.

Text from a host goes through `strip_control` first and a `Masker` second: a secret interrupted by an escape sequence
is whole again once the sequence is gone.
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
"""Characters. Anything shorter is not registered: masking `yes` or `80` everywhere would make output unreadable."""

LINE: Final = 500
"""Characters of what a person may type into one line; its masked text has to fit there, too."""

T = TypeVar("T", bound="BaseModel")

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# Every control character is the start of exactly one alternative, so that nothing new can form from what remains.
_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS: titles, clipboard
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def strip_control(text: str | bytes) -> str:
    r"""Make text from a host safe to show: no control characters or escape sequences but `\n` and `\t`.

    Bytes are read as UTF-8; what is not, and lone surrogates, become backslash escapes, so that the result can
    always be encoded.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return _CONTROL.sub("", text).encode("utf-8", "backslashreplace").decode("utf-8")


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield what base64 makes of `data` alone, and inside something longer at each of the three offsets."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode()
        yield from (whole, whole.rstrip("="))
        for width in (64, 76):  # OpenSSL's and base64(1)'s line lengths
            yield from (whole[start : start + width] for start in range(0, len(whole), width) if len(whole) > width)
        for offset in range(3):
            # The characters at both ends carry bits of the neighbours, so only those between are always the same.
            encoded = encode(bytes(offset) + data).decode()
            yield encoded[(offset * 8 + 5) // 6 : (offset + len(data)) * 8 // 6]


def _quoted_forms(value: str) -> Iterator[str]:
    import html  # with every entity's name: only for a secret that there is

    yield from (value, value.strip(), value.replace("\n", "\r\n"))
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield from (once, once.replace("/", r"\/"), json.dumps(once, ensure_ascii=ascii_only)[1:-1])
    yield re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), json.dumps(value)[1:-1])
    yield from (repr(value)[1:-1], ascii(value)[1:-1])
    # repr chooses its quotes by content: the same value inside a longer text can come out either way.
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
    """Return every text under which `value` is looked for."""
    found: set[str] = set()
    for part in (value, *value.splitlines()):
        if len(part.strip()) >= SHORTEST:
            found.update(_quoted_forms(part), _encoded_forms(part))
    return {form for form in found if len(form) >= SHORTEST and form.strip() and form not in MASK}


class Masker:
    """The secrets of a run: register each as soon as it is known, and pass every text through `mask`.

    Append-only and safe to share between threads. Values shorter than `SHORTEST` characters are not registered.
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
        """Mask these values from now on, in all their forms; each line of a value that has several counts too."""
        with self._lock:
            new = frozenset(secrets) - self._known
            if new:
                self._known |= new
                forms = (form for secret in new if not is_common(secret) for form in _forms(secret))
                self._forms = tuple(sorted({*self._forms, *forms}))
                self._common = as_values(filter(is_common, self._known))

    def mask(self, text: str) -> str:
        """Return `text` with every registered value, and everything of a secret's shape, replaced by `MASK`."""
        if self._common is not None:
            text = self._common.sub(lambda found: f"{found[1] or found[2] or ''}{MASK}", text)
        return self._mask_everywhere(text)

    def holds(self, text: str) -> bool:
        """Return whether a registered value stands in `text`."""
        return bool(self._spans(text)) or (self._common is not None and self._common.search(text) is not None)

    def _mask_everywhere(self, text: str) -> str:
        parts, end = [], 0
        for start, stop in self._spans(text):
            parts += [text[end:start], MASK]
            end = stop
        return mask_shapes("".join(parts) + text[end:])

    def mask_json(self, value: Json) -> Json:
        """Mask every string in a JSON-like value, keys and numbers that spell a secret included."""
        match value:
            case str():
                return self.mask(value)
            case list():
                return [self.mask_json(item) for item in value]
            case dict():
                masked: dict[str, Json] = {}
                for key, item in value.items():
                    name = unique = self._mask_everywhere(key)
                    while unique in masked:  # two secrets as keys must not swallow each other's values
                        unique += "+"
                    masked[unique if unique != name else name] = self.mask_json(item)
                return masked
            case int() | float() if not isinstance(value, bool) and self._spans(str(value)):
                return MASK
            case _:
                return value

    def masked(self, model: T) -> T:
        """Return `model` with every text masked that is no identifier; its other values stay, and nothing can fail."""
        from remediate.masking.models import masked

        return masked(self, model)

    def masked_model(self, model: "BaseModel") -> Json:
        """Return what `model` is as JSON, masked; for reports, journals and notifications."""
        return self.mask_json(model.model_dump(mode="json"))

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Return where registered values stand, overlapping ones as one, in order."""
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
        """Return how much of `text` no later text can turn into a part of a registered value."""
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
