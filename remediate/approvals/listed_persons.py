"""The persons whom an allowed_signers file lets approve at this moment, without a signature at hand.

ssh-keygen decides about signatures. This is for persons who proved who they are in another way. A line that is not
understood for certain allows nobody.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

_BLANKS: Final = " \t\r"
"""The separators of words for ssh-keygen. Only a line feed ends a line: no other break of Unicode's ends a comment."""
_WORD: Final = re.compile(rf'(?:[^{_BLANKS}"]|"[^"]*")+')
_OPTION: Final = re.compile(r'(?:[^,"]|"[^"]*")+')
_KEY: Final = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+")
_MOMENT: Final = re.compile(r"[0-9]{8}(?:[0-9]{4}(?:[0-9]{2})?)?Z?")
_FORMATS: Final = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


class _Line(NamedTuple):
    person: str
    options: tuple[str, ...]
    key: str


def allows(text: str, person: str, namespace: str, now: datetime) -> bool:
    """Return whether a line of the file lets this person sign for this purpose now."""
    owners: dict[str, str] = {}
    for line in _lines(text):
        # One key is one person, as ssh-keygen finds them: the first whose key it is.
        mine = owners.setdefault(line.key, line.person) == line.person == person
        if mine and _holds(line.options, namespace, now):
            return True
    return False


def broken_line(text: str) -> int | None:
    """Return the number of the first line that names no key, None if all do. ssh-keygen skips it without a word."""
    for number, written in enumerate(text.split("\n"), 1):
        said = written.strip(_BLANKS)
        if said and not said.startswith("#") and ((line := _line(said)) is None or not _is_key(line.key)):
            return number
    return None


def _lines(text: str) -> Iterator[_Line]:
    return filter(None, map(_line, text.split("\n")))


def _line(written: str) -> _Line | None:
    words = _WORD.findall(written)
    if len(words) < 3 or words[0].startswith("#"):
        return None
    person = words[0].replace('"', "").split(",")[0]
    if _KEY.fullmatch(words[1]):
        return _Line(person, (), words[2])
    if _KEY.fullmatch(words[2]) and len(words) > 3:
        return _Line(person, tuple(_OPTION.findall(words[1])), words[3])
    return None


def _is_key(written: str) -> bool:
    """Return whether this may be a public key: what SSH sends, in base64. It begins with the length of a name."""
    try:
        data = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(data) > 32 and data[:3] == bytes(3)


def _holds(options: tuple[str, ...], namespace: str, now: datetime) -> bool:
    for option in options:
        name, _, value = option.partition("=")
        value = value.strip('"')
        match name.lower():
            case "namespaces":
                held = _matches(value, namespace)
            case "valid-after":
                held = (moment := _moment(value)) is not None and moment <= now
            case "valid-before":
                held = (moment := _moment(value)) is not None and now < moment
            case _:  # `cert-authority` names a key that certifies others; an unknown option may be a restriction.
                held = False
        if not held:
            return False
    return True


def _matches(patterns: str, namespace: str) -> bool:
    """Return whether a list of patterns has this namespace. One that begins with `!` excludes it."""
    found = False
    for pattern in patterns.replace("[", "[[]").split(","):
        if fnmatchcase(namespace, pattern.removeprefix("!")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _moment(text: str) -> datetime | None:
    """Return a time as ssh-keygen writes it, in the local zone unless it ends with Z."""
    digits = text.removesuffix("Z")
    if _MOMENT.fullmatch(text) is None:
        return None
    try:
        moment = datetime.strptime(digits, _FORMATS[len(digits)])  # noqa: DTZ007  # The zone follows.
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if text.endswith("Z") else moment.astimezone()
