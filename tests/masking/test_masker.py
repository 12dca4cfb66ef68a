"""No registered secret, in any usual form, however it is cut, ever comes out."""

import base64
import html
import io
import json
import shlex
import sys
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from remediate.masking.masker import Masker, strip_control
from remediate.masking.secret_patterns import MASK
from remediate.masking.writer import MaskedWriter, self_test

FORMS: dict[str, Callable[[str], str]] = {
    "literal": str,
    "json": lambda value: json.dumps(value)[1:-1],
    "json, utf-8": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "json in json": lambda value: json.dumps(json.dumps(value))[1:-1],
    "json as php writes it": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
    "url": lambda value: quote(value, safe=""),
    "url path": quote,
    "form": quote_plus,
    "shell": shlex.quote,
    "repr": repr,
    "ascii": ascii,
    "repr of bytes": lambda value: repr(value.encode()),
    "html": html.escape,
    "hex": lambda value: value.encode().hex(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 after one byte": lambda value: base64.b64encode(b"x" + value.encode() + b"tail").decode(),
    "base64 after two bytes": lambda value: base64.b64encode(b"xy" + value.encode() + b"t").decode(),
    "base64 for urls": lambda value: base64.urlsafe_b64encode(b"xyz" + value.encode()).decode(),
}

# What is left of base64 when the characters that also carry bits of the neighbours are taken off.
SHARED = {"base64 after one byte": (2, 8), "base64 after two bytes": (3, 4), "base64 for urls": (4, 4)}

ALPHABET = st.sampled_from("aZ7+.*[](){}^$|?\\/\"'`&%# =:;,<>@!~-_\t\nüßЖ漢😀")

# A secret of asterisks cannot be told from the mask, and what is white space but for three characters is too short.
SECRETS = st.text(ALPHABET, min_size=4, max_size=24).filter(lambda text: len(text.strip()) >= 4 and "***" not in text)


def essence(form: str, value: str) -> str:
    """Return the part of a written form that is the secret itself."""
    written = FORMS[form](value)
    start, stop = SHARED.get(form, (0, 0))
    return written[start : len(written) - stop]


def through_writer(masker: Masker, *pieces: str, flush: bool = False) -> str:
    below = io.StringIO()
    with MaskedWriter(below, masker) as writer:
        for piece in pieces:
            writer.write(piece)
            if flush:
                writer.flush()
    assert not below.closed
    return below.getvalue()


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRETS)
@example(secret="p+a.s*s[w")
@example(secret='it\'s "quoted"')
@example(secret="back\\slash/üñ")
@example(secret="two\nlines of it")
def test_no_form_survives(form: str, secret: str) -> None:
    written = FORMS[form](secret)
    masked = Masker([secret]).mask(f"<{written}>")
    assert secret not in masked
    core = essence(form, secret)
    assert len(core) < 4 or core not in masked


@given(secret=SECRETS, form=st.sampled_from(sorted(FORMS)), flush=st.booleans())
@example(secret="two\nlines of it", form="literal", flush=True)
@example(secret="a\nb\nc\nd", form="literal", flush=True)
def test_cut_anywhere(secret: str, form: str, flush: bool) -> None:
    masker = Masker([secret])
    text = f"before {FORMS[form](secret)} after\n"
    core = essence(form, secret)
    for cut in range(len(text) + 1):
        shown = through_writer(masker, text[:cut], text[cut:], flush=flush)
        assert secret not in shown
        assert len(core) < 4 or core not in shown
        assert shown.startswith("before ")
        assert shown.endswith(" after\n")


@given(secret=SECRETS)
def test_one_character_at_a_time(secret: str) -> None:
    for flush in (False, True):
        assert secret not in through_writer(Masker([secret]), *f"x{secret}{secret}y", flush=flush)


@given(secrets=st.lists(SECRETS, min_size=2, max_size=4), data=st.data())
def test_overlapping_secrets(secrets: list[str], data: st.DataObject) -> None:
    first, second = secrets[0], secrets[1]
    overlap = data.draw(st.integers(0, 3))
    text = first + second[overlap:] if first.endswith(second[:overlap]) else first + second
    masked = Masker(secrets).mask(text)
    assert all(secret not in masked for secret in secrets)


@given(text=st.text(st.characters(exclude_characters="=:-_")))
def test_nothing_else_is_touched(text: str) -> None:
    assume("bearer" not in text.lower())
    assert Masker(["a secret that is not there"]).mask(text) == text


@given(pieces=st.lists(st.text()), flush=st.booleans())
def test_writer_loses_and_adds_nothing(pieces: list[str], flush: bool) -> None:
    assume("bearer" not in "".join(pieces).lower())
    assume(not set("=:-_") & set("".join(pieces)))
    assert through_writer(Masker(["absent secret"]), *pieces, flush=flush) == "".join(pieces)


def test_each_line_of_a_value_counts() -> None:
    masker = Masker(["first line\nsecond line\nab\n"])
    assert masker.mask("x second line y") == f"x {MASK} y"
    assert masker.mask("ab") == "ab"


def test_short_values_are_not_registered() -> None:
    masker = Masker(["", "abc", "   x   ", "80"])
    assert masker.mask("abc 80 x") == "abc 80 x"


def test_wrapped_base64() -> None:
    secret = "s3cr3t-" * 30
    for width in (64, 76):
        encoded = base64.b64encode(secret.encode()).decode()
        lines = [encoded[i : i + width] for i in range(0, len(encoded), width)]
        masked = Masker([secret]).mask("\n".join(lines))
        assert all(line not in masked for line in lines)


def test_registering_later_and_not_showing() -> None:
    masker = Masker()
    masker.register("hunter-two")
    assert masker.mask("hunter-two") == MASK
    assert "hunter" not in repr(masker)


@pytest.mark.parametrize(
    "text", ["DB_PASSWORD=hunter2\n", "Authorization: Bearer hunter2\n", "mysql://root:hunter2@db\n"]
)
def test_shapes_cut_anywhere(text: str) -> None:
    for cut in range(len(text)):
        assert "hunter2" not in through_writer(Masker(), text[:cut], text[cut:])
    # With a flush in between only what had already begun to look like one can be held.
    start = text.index("hunter2")
    for cut in range(start, len(text)):
        assert "hunter2" not in through_writer(Masker(), text[:cut], text[cut:], flush=True)


def test_private_key_a_line_at_a_time() -> None:
    lines = [
        "start\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "aaaa\n",
        "bbbb\n",
        "-----END OPENSSH PRIVATE KEY-----\n",
        "end\n",
    ]
    shown = through_writer(Masker(), *lines)
    assert "aaaa" not in shown
    assert "bbbb" not in shown
    assert shown.splitlines()[0] == "start"
    assert shown.splitlines()[-1] == "end"


def test_prompt_appears_before_its_newline() -> None:
    below = io.StringIO()
    writer = MaskedWriter(below, Masker(["the secret"]))
    writer.write("Type web1 to go on: ")
    assert below.getvalue() == ""
    writer.flush()
    assert below.getvalue() == "Type web1 to go on: "
    writer.close()
    writer.close()


def test_a_question_is_never_held_back() -> None:
    below = io.StringIO()
    writer = MaskedWriter(below, Masker(["go on: sesame"]))
    writer.write("cut off: PASSWORD=hunter2 ")
    writer.flush()
    assert below.getvalue() == ""
    writer.release()
    assert below.getvalue() == f"cut off: PASSWORD={MASK} "
    writer.write("\n-----BEGIN PRIVATE KEY-----\nabcd\nab")
    writer.release()
    writer.write("Type token-web1 to go on: ")
    writer.release()
    assert below.getvalue().endswith("Type token-web1 to go on: ")
    assert "ab" not in below.getvalue()


def test_endless_line_is_bounded() -> None:
    below = io.StringIO()
    secret = "the+secret"
    writer = MaskedWriter(below, Masker([secret]))
    for _ in range(100):
        writer.write("x" * 4091 + secret)
        assert len(writer._waiting) < 100_000
    writer.close()
    assert secret not in below.getvalue()
    assert below.getvalue().count(MASK) == 100


def test_writer_is_a_text_stream() -> None:
    writer = MaskedWriter(sys.stdout, Masker(["hunter-two"]))
    assert writer.writable()
    assert writer.encoding == sys.stdout.encoding
    assert writer.isatty() == sys.stdout.isatty()
    assert not hasattr(writer, "buffer")
    below = io.StringIO()
    with MaskedWriter(below, Masker(["hunter-two"])) as stream:
        print("hunter", "-two", sep="", file=stream)
    assert below.getvalue() == f"{MASK}\n"
    with pytest.raises(ValueError, match="closed"):
        stream.write("late")


class Shown(BaseModel):
    name: str
    inner: dict[str, list[str]]
    number: int


def test_structures() -> None:
    masker = Masker(["hunter-two", "123456", "other-key"])
    value = Shown(name="x hunter-two", inner={"hunter-two": ["a", "hunter-two"], "other-key": ["b"]}, number=123456)
    masked = masker.masked_model(value)
    assert masked == {"name": f"x {MASK}", "inner": {MASK: ["a", MASK], f"{MASK}+": ["b"]}, "number": MASK}
    assert masker.mask_json([None, True, 1, 2.5, "ok"]) == [None, True, 1, 2.5, "ok"]


@given(st.text())
def test_masked_json_stays_json(text: str) -> None:
    masked = Masker().mask_json({"line": f"DB_PASSWORD={text}", "password": text})
    assert set(json.loads(Masker().mask(json.dumps(masked)))) == {"line", "password"}


def test_a_long_line_takes_no_long_time() -> None:
    masker = Masker([f"secret-number-{n}" for n in range(30)])
    for text in ("a" * 300_000, "PASSWORD" * 30_000, "a.b-" * 60_000, "://" * 90_000, "BEGIN PRIVATE KEY-----" * 9000):
        start = time.process_time()
        masker.mask(text)
        assert time.process_time() - start < 10, text[:10]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]52;c;aGk=\x1b\\x", "x"),
        ("\x1b]0;unfinished\nnext", "\nnext"),
        ("\x9b31mred\x9c", "red"),
        ("ok\r\nover\rwritten\x08\x7f", "ok\noverwritten"),
        ("\x1b\x1b[0m[31mx", "[31mx"),
        ("\x1bPq\x1b\\x\x1b(Bx\x1bc", "xx"),
        ("lone \ud800", "lone \\ud800"),
        (b"bad \xff\xfe \xc3\xbc", "bad \\xff\\xfe ü"),
    ],
)
def test_strip_control(text: str | bytes, clean: str) -> None:
    assert strip_control(text) == clean


@given(st.one_of(st.text(), st.text(st.sampled_from("\x1b[]P\\;0m\x07\x9b\x9c\x9dx\n")), st.binary()))
def test_stripped_text_is_always_safe(text: str | bytes) -> None:
    clean = strip_control(text)
    clean.encode()
    assert not [c for c in clean if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]
    assert strip_control(clean) == clean


def test_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    self_test()
    monkeypatch.setattr(Masker, "mask", lambda _, text: text)
    with pytest.raises(RuntimeError, match="masking"):
        self_test()
