"""known_hosts files, names and verdicts, without any server."""

import base64
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.errors import ConfigurationError, Unreachable, UnreachableCode
from remediate.transport.ssh.host_keys import (
    HostKeyRule,
    KnownKey,
    ServerKey,
    known_names,
    load_known_hosts,
    load_revoked,
    parse_known_hosts,
)

AVAILABLE = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")


def key(name: str, kind: str = "ssh-ed25519") -> ServerKey:
    return ServerKey(kind, len(kind).to_bytes(4, "big") + kind.encode() + name.encode())


def line(patterns: str, known: ServerKey, marker: str = "") -> str:
    return f"{marker}{patterns} {known.kind} {base64.b64encode(known.blob).decode()} a comment\n"


def rule(text: str, host: str = "web", port: int = 22, pin: str | None = None, alias: str | None = None) -> HostKeyRule:
    return HostKeyRule(f"{host}:{port}", known_names(host, port, alias), parse_known_hosts(text), (Path("/kh"),), pin)


def verdict(judge: HostKeyRule, offered: ServerKey) -> UnreachableCode | None:
    try:
        judge.check(offered)
    except Unreachable as error:
        said = error
    else:
        return None
    assert "\n" not in said.message
    assert offered.fingerprint in said.message
    assert judge.place in said.message
    return said.code


GOOD, OTHER = key("good"), key("other")


def test_fingerprint_is_what_ssh_keygen_prints() -> None:
    # printf | ssh-keygen -lf: the key of github.com, published in GitHub's documentation
    blob = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
    assert ServerKey("ssh-ed25519", blob).fingerprint == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


@pytest.mark.parametrize(
    ("patterns", "host", "port", "covered"),
    [
        ("web", "web", 22, True),
        ("WEB", "web", 22, True),
        ("web", "Web", 22, True),
        ("a,web,b", "web", 22, True),
        ("web*", "web1", 22, True),
        ("web?", "web1", 22, True),
        ("web?", "web", 22, False),
        ("*", "web", 22, True),
        ("*,!web", "web", 22, False),
        ("!web,*", "web", 22, False),
        ("!other,*", "web", 22, True),
        ("!web", "web", 22, False),
        ("[web]:2222", "web", 2222, True),
        ("[web]:2222", "web", 22, False),
        ("[web]:2222", "web", 2223, False),
        ("[*]:2222", "web", 2222, True),
        ("[we]b", "web", 22, False),
        ("w.b", "web", 22, False),
        ("::1", "::1", 22, True),
        ("[::1]:23", "::1", 23, True),
    ],
)
def test_patterns(patterns: str, host: str, port: int, covered: bool) -> None:
    found = verdict(rule(line(patterns, GOOD), host, port), GOOD)
    assert found is (None if covered else UnreachableCode.HOST_KEY_UNKNOWN)


def test_hashed_host() -> None:
    # ssh-keygen -H of "web"
    salt = b"12345678901234567890"
    hashed = "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, hmac.digest(salt, b"web", "sha1")))
    assert verdict(rule(line(hashed, GOOD)), GOOD) is None
    assert verdict(rule(line(hashed, GOOD), "other"), GOOD) is UnreachableCode.HOST_KEY_UNKNOWN


def test_changed_names_both_keys_and_the_way_out() -> None:
    with pytest.raises(Unreachable) as caught:
        rule(line("web", OTHER)).check(GOOD)
    assert caught.value.code is UnreachableCode.HOST_KEY_CHANGED
    assert OTHER.fingerprint in caught.value.message
    assert "ssh-keygen -R 'web'" in caught.value.message


def test_one_of_several_known_keys_is_enough() -> None:
    assert verdict(rule(line("web", OTHER) + line("web", GOOD)), GOOD) is None


def test_plain_name_vouches_for_another_port_but_proves_no_change() -> None:
    assert verdict(rule(line("web", GOOD), port=2222), GOOD) is None
    assert verdict(rule(line("web", OTHER), port=2222), GOOD) is UnreachableCode.HOST_KEY_UNKNOWN
    both = line("web", GOOD) + line("[web]:2222", OTHER)
    assert verdict(rule(both, port=2222), GOOD) is UnreachableCode.HOST_KEY_CHANGED


def test_alias_replaces_name_and_port() -> None:
    assert verdict(rule(line("alias", GOOD), port=2222, alias="Alias"), GOOD) is None
    assert verdict(rule(line("web", GOOD), alias="alias"), GOOD) is UnreachableCode.HOST_KEY_UNKNOWN


@pytest.mark.parametrize("text", [line("web", GOOD, "@revoked "), line("*", GOOD, "@revoked ")])
def test_revoked_beats_known_and_pin(text: str) -> None:
    for pin in (None, GOOD.fingerprint):
        assert verdict(rule(text + line("web", GOOD), pin=pin), GOOD) is UnreachableCode.HOST_KEY_REVOKED
    assert verdict(rule(text + line("web", OTHER)), OTHER) is None
    elsewhere = line("other", GOOD, "@revoked ")
    assert verdict(rule(elsewhere + line("web", GOOD)), GOOD) is None


def test_authorities_are_passed_over_and_said_so() -> None:
    judge = rule(line("*", GOOD, "@cert-authority "))
    with pytest.raises(Unreachable, match="@cert-authority") as caught:
        judge.check(GOOD)
    assert caught.value.code is UnreachableCode.HOST_KEY_UNKNOWN


def test_pin() -> None:
    assert verdict(rule(line("web", OTHER), pin=GOOD.fingerprint), GOOD) is None
    assert verdict(rule(line("web", GOOD), pin=OTHER.fingerprint), GOOD) is UnreachableCode.HOST_KEY_CHANGED


def test_algorithms_prefer_what_is_known() -> None:
    assert rule("").algorithms(AVAILABLE) == AVAILABLE
    rsa = key("r", "ssh-rsa")
    assert rule(line("web", rsa)).algorithms(AVAILABLE)[:2] == ("rsa-sha2-512", "rsa-sha2-256")
    assert set(rule(line("web", rsa)).algorithms(AVAILABLE)) == set(AVAILABLE)
    pinned = rule(line("web", GOOD) + line("elsewhere", rsa), pin=rsa.fingerprint)
    assert pinned.algorithms(AVAILABLE)[0] == "rsa-sha2-512"
    strange = rule(line("web", key("s", "sk-ssh-ed25519@openssh.com")))
    assert strange.algorithms(AVAILABLE) == AVAILABLE


BROKEN = [
    "",
    "#comment ssh-ed25519 AAAA",
    "web",
    "web ssh-ed25519",
    "web ssh-ed25519 not-base64!",
    "web ssh-ed25519 AAAA",
    "web ssh-rsa " + base64.b64encode(GOOD.blob).decode(),
    "@revoked",
    "@strange web",
    "|1|x|y ssh-ed25519 AAAA",
    "\x00\xff\x1b[31m",
]


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_line_spoils_nothing(broken: str) -> None:
    assert parse_known_hosts(f"{broken}\n{line('web', GOOD)}{broken}\n") == (KnownKey("", ("web",), GOOD),)


def test_unknown_marker_vouches_for_nothing() -> None:
    judge = rule(line("web", GOOD, "@trusted "))
    assert verdict(judge, GOOD) is UnreachableCode.HOST_KEY_UNKNOWN


@given(st.text())
def test_no_text_breaks_reading(text: str) -> None:
    odd = line(text.replace("\n", "") or "x", GOOD)
    assert parse_known_hosts(f"{text}\n{odd}\n{line('web', GOOD)}")[-1].covers("web")


def test_files_that_cannot_be_read_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "good").write_text(line("web", GOOD))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00" + line("web", OTHER).encode())
    found = load_known_hosts([tmp_path / "missing", tmp_path, tmp_path / "bytes", tmp_path / "good"])
    assert GOOD in [known.key for known in found]


def test_revoked_keys_file(tmp_path: Path) -> None:
    path = tmp_path / "revoked"
    path.write_text(f"# list\n{GOOD.kind} {base64.b64encode(GOOD.blob).decode()} why\nnonsense\n")
    (known,) = load_revoked(path)
    assert known.marker == "@revoked"
    assert known.covers("anything")
    path.write_bytes(b"SSHKRL\n\x00\x00")
    with pytest.raises(ConfigurationError, match="KRL"):
        load_revoked(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_revoked(tmp_path / "missing")
