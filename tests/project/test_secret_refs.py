"""A secret is read whole, once, from its reference, and never shown."""

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from remediate.errors import ConfigurationError
from remediate.project.secret_refs import resolve

CANARY = "c4n4ry"


class Piped(io.TextIOWrapper):
    """Standard input with something in it."""

    def __init__(self, data: bytes, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data))
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


NOTHING = Piped(b"")


def read(reference: object, stdin: Piped = NOTHING) -> str:
    return resolve(reference, "--value-from", stdin).get_secret_value()


def refused(reference: object, stdin: Piped = NOTHING) -> str:
    with pytest.raises(ConfigurationError, match=r"^--value-from") as raised:
        resolve(reference, "--value-from", stdin)
    text = str(raised.value)
    assert CANARY not in text
    assert "\n" not in text
    assert raised.value.__cause__ is None
    return text


def of_file(path: Path, data: bytes) -> str:
    (path / "value").write_bytes(data)
    return f"file:{path}/value"


def of_command(path: Path, data: bytes) -> str:
    return f"cmd:cat '{of_file(path, data).removeprefix('file:')}'"


EVERY_BYTE = bytes(range(1, 256))
READ: Mapping[bytes, str] = {
    b"plain": "plain",
    b"one\n": "one",
    b"two\n\n": "two\n",
    b"windows\r\n": "windows",
    b"old mac\r": "old mac\r",
    b"\n": "",
    b"\r\n": "",
    b" spaces \n": " spaces ",
    b"two\nlines\n": "two\nlines",
    "pässwörd ☃".encode(): "pässwörd ☃",
    b"caf\xe9": "caf\udce9",
    EVERY_BYTE: EVERY_BYTE.decode(errors="surrogateescape"),
    b"x" * 65536: "x" * 65536,
}


@pytest.mark.parametrize("data", READ, ids=lambda data: repr(data[:12]))
def test_every_kind_reads_the_same(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "VALUE", data.decode(errors="surrogateescape"))
    for found in (
        read("stdin", Piped(data)),
        read("env:VALUE"),
        read(of_file(tmp_path, data)),
        read(of_command(tmp_path, data)),
    ):
        assert found == READ[data]
        assert found.encode(errors="surrogateescape") in {data, data.removesuffix(b"\n"), data.removesuffix(b"\r\n")}


def test_what_is_read_is_a_secret() -> None:
    assert resolve("stdin", "--value-from", Piped(CANARY.encode())) == SecretStr(CANARY)


@pytest.mark.parametrize("data", [b"", b"c4n4ry\0", b"c4n4ry" * 20_000, b"\0"])
def test_what_can_be_no_value_is_refused(data: bytes, tmp_path: Path) -> None:
    for reference, stdin in (
        ("stdin", Piped(data)),
        (of_file(tmp_path, data), NOTHING),
        (of_command(tmp_path, data), NOTHING),
    ):
        said = refused(reference, stdin)
        assert ("nothing was read" in said) is (data == b"")


def test_a_variable_that_is_empty_is_a_secret_that_somebody_forgot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALUE", "")
    assert "nothing was read" in refused("env:VALUE")


@pytest.mark.parametrize(
    "reference",
    [
        None,
        True,
        "",
        "c4n4ry",
        "whsec:c4n4ry",
        "env",
        "env:",
        "file:",
        "cmd:",
        "stdin:c4n4ry",
        "STDIN",
        " stdin",
        "Env:A",
    ],
)
def test_a_value_itself_is_no_reference(reference: object) -> None:
    assert "stdin, env:NAME, file:PATH or cmd:COMMAND" in refused(reference)


def test_a_terminal_is_not_read_from() -> None:
    assert "is a terminal" in refused("stdin", Piped(b"c4n4ry", terminal=True))


def test_where_there_is_nothing(tmp_path: Path) -> None:
    assert refused("env:NO_SUCH_VARIABLE").endswith("env:NO_SUCH_VARIABLE: there is no such variable")
    # `env:$SECRET` in a shell: what stands there is the value.
    assert "there is no such variable" in refused("env:c4n4ry")
    assert "there is no such variable" in refused("env:sk_live_c4n4ry+/=")
    assert "No such file" in refused(f"file:{tmp_path}/none")
    assert "directory" in refused(f"file:{tmp_path}")
    assert "no home directory" in refused("file:~no-such-user-here/x")
    assert "NUL character" in refused("file:a\0b")


def test_a_home_directory_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    of_file(tmp_path, b"x\n")
    assert read("file:~/value") == "x"


def test_commands_that_fail_say_so_without_what_they_said(tmp_path: Path) -> None:
    def python(code: str) -> str:
        return f"cmd:{sys.executable} -c '{code}'"

    assert "ended with 3" in refused(python('import sys; print("c4n4ry"); sys.stderr.write("c4n4ry"); sys.exit(3)'))
    assert "No such file" in refused("cmd:/no/such/program c4n4ry")
    assert "Permission denied" in refused(f"cmd:{tmp_path}")
    assert "cannot be split" in refused("cmd:echo 'c4n4ry")
    assert "no command" in refused("cmd:  ")
    assert "no such command" in refused("cmd:a\0b c4n4ry")
    # No shell: a word is a word.
    assert read("cmd:echo $HOME;id>x") == "$HOME;id>x"
    # And it does not read what is meant for nobody.
    assert "nothing was read" in refused("cmd:cat", Piped(b"c4n4ry"))


def test_a_command_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.project.secret_refs._SECONDS", 0.2)
    assert "no answer within" in refused("cmd:sleep 30")
