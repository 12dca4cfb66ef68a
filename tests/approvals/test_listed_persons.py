"""Persons in allowed_signers: when they may approve, and what."""

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediate.approvals.authentication import NAMESPACE, SshSigners, UnprovenApprover, signed
from remediate.approvals.listed_persons import allows, broken_line
from support.approving import Team

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3Nza"


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        (f"bob {KEY}", True),
        (f"  bob\t{KEY} a comment", True),
        (f'"bob,robert" {KEY}', True),
        (f"robert,bob {KEY}", False),  # The first name is the person.
        (f"*,bob {KEY}", False),
        (f"# bob {KEY}", False),
        ("bob", False),
        ("", False),
        ("bob AAAA BBBB CCCC", False),
        ('bob namespaces="remediate-approval"', False),
        (f'bob namespaces="remediate-approval" {KEY}', True),
        (f'bob namespaces="git,remediate-*" {KEY}', True),
        (f'bob namespaces="git" {KEY}', False),
        (f'bob namespaces="*,!remediate-approval" {KEY}', False),
        (f'bob NAMESPACES="remediate-approval",valid-before="20270101" {KEY}', True),
        (f'bob valid-before="20261130120000Z" {KEY}', False),
        (f'bob valid-before="202611301201Z" {KEY}', True),
        (f'bob valid-after="20261201Z" {KEY}', False),
        (f'bob valid-after="20261130Z",valid-before="20261201Z" {KEY}', True),
        (f'bob valid-before="soon" {KEY}', False),
        (f'bob valid-before="20261399" {KEY}', False),
        (f"bob cert-authority {KEY}", False),
        (f"bob something-new {KEY}", False),
        *((f"bob {KEY} at home{mark}or not", True) for mark in "\x85\u2028\x0c\x1c\r"),
        *((f"# was:{mark}bob {KEY}", False) for mark in "\x85\u2028\x0c\x1c\r"),
        (f"bob\xa0{KEY}", False),
        (f"ana {KEY}\nbob {KEY}", False),  # One key is one person.
        (f'bob valid-before="20200101" {KEY}\nbob ssh-rsa BBBB', True),
    ],
)
def test_a_line_allows_its_first_name_as_long_as_it_holds(line: str, allowed: bool) -> None:
    assert allows(line, "bob", NAMESPACE, NOON) is allowed


@pytest.mark.parametrize("mark", "\x85\u2028\x0c\x1c\r")
def test_a_comment_is_no_broken_line_whatever_is_in_it(mark: str) -> None:
    said = f"# a{mark}comment\nbob ssh-ed25519 {'A' * 64} at home{mark}or not\r\n"
    assert broken_line(said) is None
    assert broken_line(f"{said}bob") == 3


@pytest.mark.parametrize(("line", "allowed"), [("bob {key} at{mark}home", True), ("# was:{mark}bob {key}", False)])
@pytest.mark.parametrize("mark", "\x85\u2028\x0c\x1c\r")
def test_ssh_keygen_ends_lines_where_we_do(team: Team, line: str, mark: str, *, allowed: bool) -> None:
    key = " ".join(team.key("bob").with_suffix(".pub").read_text().split()[:2])
    (team.root / "allowed_signers").write_bytes(f"{line.format(key=key, mark=mark)}\n".encode())
    signers = SshSigners(team.root / "allowed_signers")
    may = nullcontext() if allowed else pytest.raises(UnprovenApprover)
    with may:
        signers.authenticate("a plan", signed("a plan", team.key("bob")))
    with may:
        signers.demand_listed("bob")


@pytest.mark.parametrize("options", ["", 'namespaces="git" ', 'valid-before="20200101" ', 'valid-after="20200101Z" '])
def test_ssh_keygen_says_the_same(team: Team, options: str) -> None:
    key = " ".join(team.key("bob").with_suffix(".pub").read_text().split()[:2])
    (team.root / "allowed_signers").write_text(f"bob {options}{key}\n")
    signers = SshSigners(team.root / "allowed_signers")

    def refused(how: object) -> bool:
        try:
            how()  # type: ignore[operator]
        except UnprovenApprover:
            return True
        return False

    by_key = refused(lambda: signers.authenticate("a plan", signed("a plan", team.key("bob"))))
    assert refused(lambda: signers.demand_listed("bob")) is by_key is (options != "" and "after" not in options)


@pytest.mark.parametrize("person", ["", "*", "b?b", "eve", "remediate-service", "bob ana"])
def test_what_names_no_person_is_not_listed(team: Team, person: str) -> None:
    with (team.root / "allowed_signers").open("a") as file:
        file.write(f"{person} {KEY}\n")
        file.write(f"remediate-service {KEY}0\n")
    if person != "eve":
        with pytest.raises(UnprovenApprover, match="approve now"):
            SshSigners(team.root / "allowed_signers").demand_listed(person)


@pytest.mark.parametrize("place", [None, Path("/nowhere/allowed_signers")])
def test_without_a_file_nobody_is_listed(place: Path | None) -> None:
    with pytest.raises(UnprovenApprover, match="does not let 'bob' approve now"):
        SshSigners(place).demand_listed("bob")
