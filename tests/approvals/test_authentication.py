"""Approvals by SSH signature: only a listed person's signature of exactly this statement counts."""

import re
import tempfile
from pathlib import Path

import pytest

from remediate.approvals.authentication import SshSigners, UnprovenApprover, signed, usual_key
from remediate.approvals.proposal import ApprovalMeans
from remediate.errors import ConfigurationError
from support.approving import Team

STATEMENT = "I approve that remediate runs this plan once.\nplan: 3f2a\n"


def signers(team: Team) -> SshSigners:
    return SshSigners(team.root / "allowed_signers")


def test_a_listed_person_s_signature_names_the_person(team: Team) -> None:
    approver = signers(team).authenticate(STATEMENT, signed(STATEMENT, team.key("bob")))
    assert (approver.name, approver.how) == ("bob", ApprovalMeans.SSH_SIGNATURE)
    assert re.fullmatch(r"ED25519 key SHA256:\S{43}", approver.detail)


def test_without_room_for_a_temporary_file_nothing_is_verified(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = signed(STATEMENT, team.key("bob"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(ConfigurationError, match=r"temporary file \(No such file or directory\): free some space"):
        signers(team).authenticate(STATEMENT, proof)


def forged(proof: str) -> str:
    """Return the signature with one character changed."""
    head, first, *rest = proof.splitlines()
    place = len(first) // 2
    changed = "A" if first[place] != "A" else "B"
    return "\n".join((head, f"{first[:place]}{changed}{first[place + 1 :]}", *rest)) + "\n"


@pytest.mark.parametrize("junk", ["", "junk", "\udcff", "-----BEGIN SSH SIGNATURE-----\n", "A" * 70_000])
def test_what_is_no_signature_proves_nothing(team: Team, junk: str) -> None:
    with pytest.raises(UnprovenApprover):
        signers(team).authenticate(STATEMENT, junk)


def test_a_signature_of_something_else_proves_nothing(team: Team) -> None:
    proof = signed(STATEMENT, team.key("bob"))
    for statement, given in (
        (STATEMENT.replace("3f2a", "3f2b"), proof),
        (STATEMENT + "\n", proof),
        (STATEMENT, forged(proof)),
        (STATEMENT, proof[: len(proof) // 2]),
    ):
        with pytest.raises(UnprovenApprover):
            signers(team).authenticate(statement, given)


def test_a_signature_for_another_purpose_proves_nothing(team: Team) -> None:
    proof = signed(STATEMENT, team.key("bob"), "git")
    with pytest.raises(UnprovenApprover, match="no valid signature of bob for this plan"):
        signers(team).authenticate(STATEMENT, proof)


def test_who_is_not_listed_or_no_longer_may_not_approve(team: Team) -> None:
    proof = signed(STATEMENT, team.key("eve"))
    with pytest.raises(UnprovenApprover, match=r"no key of .*allowed_signers made this signature"):
        signers(team).authenticate(STATEMENT, proof)
    bob = signed(STATEMENT, team.key("bob"))
    team.allow("ana")
    with pytest.raises(UnprovenApprover):
        signers(team).authenticate(STATEMENT, bob)


def list_bob(team: Team, *lines: str) -> None:
    """Write allowed_signers, with the key of bob for each KEY."""
    key = " ".join(team.key("bob").with_suffix(".pub").read_text().split()[:2])
    (team.root / "allowed_signers").write_text("".join(f"{line.replace('KEY', key)}\n" for line in lines))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        *((f"{names} KEY", "names no person") for names in ("*", "*@example.com", "b?b")),
        ('bob valid-before="20200101" KEY', "no key of|no valid signature of"),
    ],
)
def test_a_pattern_of_names_or_a_key_that_has_expired_approves_nothing(team: Team, line: str, why: str) -> None:
    list_bob(team, line)
    with pytest.raises(UnprovenApprover, match=why):
        signers(team).authenticate(STATEMENT, signed(STATEMENT, team.key("bob")))


def test_one_key_is_one_person_whatever_names_it_has(team: Team) -> None:
    list_bob(team, "bob,robert KEY", "bobby KEY")
    assert signers(team).authenticate(STATEMENT, signed(STATEMENT, team.key("bob"))).name == "bob"


def test_without_a_list_nobody_may_approve(team: Team) -> None:
    (team.root / "allowed_signers").unlink()
    with pytest.raises(UnprovenApprover, match=r"nobody may approve: list each person .*docs/approvals.md"):
        signers(team).authenticate(STATEMENT, signed(STATEMENT, team.key("bob")))


def test_a_key_that_cannot_sign_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none does not exist: it would be the SSH key that signs"):
        signed(STATEMENT, tmp_path / "none")
    (tmp_path / "key").write_text("not a key")
    with pytest.raises(ConfigurationError, match="did not sign"):
        signed(STATEMENT, tmp_path / "key")


def test_the_usual_key_is_the_first_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match="name one with --key PATH"):
        usual_key()
    (tmp_path / ".ssh").mkdir()
    for name in ("id_rsa", "id_ed25519.pub"):
        (tmp_path / ".ssh" / name).touch()
    assert usual_key().name == "id_ed25519.pub"


def test_without_ssh_keygen_it_says_what_to_install(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    key = team.key("bob")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigurationError, match="install OpenSSH's client"):
        signed(STATEMENT, key)
