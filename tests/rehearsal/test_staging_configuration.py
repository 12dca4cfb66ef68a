"""The .env of a real host: any value of a key, in any file."""

import hashlib
from typing import TYPE_CHECKING

import pytest

from support.staged_env import APP, DISK, KEY, edit, edits, env, holds

if TYPE_CHECKING:
    from support.staged_host import Staged

pytestmark = [pytest.mark.container, pytest.mark.usefixtures("configuration_kept")]

# -- any value ---------------------------------------------------------------------------------------------------------

VALUES = {
    "every byte as text": "".join(map(chr, range(1, 256))),
    "every ASCII control": "".join(map(chr, range(1, 32))) + "\x7f",
    "empty": "",
    "spaces": " a  b ",
    "hash": "pa#ss",
    "dollar": "a$b${APP_ENV}$(id)`id`",
    "single": "it's",
    "double": 'say "hello"',
    "both": "it's \"both\"",
    "both and equals": "it's=\"both\"=",
    "equals and quote": 'a="b',
    "backslashes": "a\\b\\\\c\\n\\q\\",
    "backslash and quote": "\\\"'\\",
    "lines": "-----BEGIN KEY-----\nabc=\ndef\n-----END KEY-----\n",
    "line ends": "a\r\nb\rc",
    "other letters": "pässwörd ☃ 密码",
    "words of env()": "null",
    "long": "x y" * 10_000,
}  # fmt: skip


def test_the_application_reads_back_what_was_set(staged: "Staged") -> None:
    before = env(staged)
    head = before[: before.index(KEY.encode())]
    cases = [(before, KEY, value.encode()) for value in VALUES.values()]
    there = edits(staged, *cases)
    for name, edited in zip(VALUES, there, strict=True):
        assert (edited.exit, edited.said, edited.same) == (0, "", True), name
        assert edited.file.startswith(head), name
    # And it can be taken away again, whatever it was.
    gone = edits(staged, *((edited.file, KEY, b"x") for edited in there))
    assert {edited.file for edited in gone} == {head + KEY.encode() + b"=x\n"}


def test_what_the_application_could_not_read_back_is_refused(staged: "Staged") -> None:
    before = env(staged)
    cases = [(before, KEY, value) for value in (b"\xff\xfe", b"caf\xe9", b'"quoted"', b"'quoted'")]
    for edited in edits(staged, *cases):
        assert (edited.exit, edited.file, edited.kept) == (1, before, [])
        assert edited.said.startswith(f"{KEY}: the ")
        assert "quoted" not in edited.said
    assert staged.sh(f"ls -A {APP} | grep -c '^[.]env'").strip() == "1"


# -- any file ----------------------------------------------------------------------------------------------------------

FILES: dict[str, tuple[bytes, bytes]] = {
    "no newline at the end": (b"A=1\nK=old", b"A=1\nK=n"),
    "missing": (b"A=1\n", b"A=1\nK=n\n"),
    "missing, no newline": (b"A=1", b"A=1\nK=n\n"),
    "missing, CRLF": (b"A=1\r\n", b"A=1\r\nK=n\r\n"),
    "empty file": (b"", b"K=n\n"),
    "CRLF": (b"A=1\r\nK=old\r\nB=2\r\n", b"A=1\r\nK=n\r\nB=2\r\n"),
    "twice: the last wins": (b"K=one\nA=1\nK=two\n", b"K=one\nA=1\nK=n\n"),
    "export": (b"export K=old\n", b"export K=n\n"),
    "spaces": (b"  K = old\t\nA=1\n", b"  K = n\t\nA=1\n"),
    "comment": (b'K="a # b" # it\'s "so"\nA=1\n', b'K=n # it\'s "so"\nA=1\n'),
    "comment, unquoted": (b"K=old # so\n", b"K=n # so\n"),
    "several lines": (b'K="a\nb=c\n\\"d"\nA=1\n', b"K=n\nA=1\n"),
    "commented out": (b"#K=old\n# K=older\nA=1\n", b"#K=old\n# K=older\nA=1\nK=n\n"),
    "inside another value": (b'K=old\nA="\nK=inside\n"\n', b'K=n\nA="\nK=inside\n"\n'),
    "only inside another value": (b'A="\nK=inside\n"\n', b'A="\nK=inside\n"\nK=n\n'),
    "prefix of another": (b"KEY=1\nMY_K=2\nK=old\n", b"KEY=1\nMY_K=2\nK=n\n"),
    "without a value": (b"K=\nA=1\n", b"K=n\nA=1\n"),
    "others take it": (b"K=old\nB=${K}/x\n", b"K=n\nB=${K}/x\n"),
    "byte order mark": (b"\xef\xbb\xbfK=old\nA=1\n", b"\xef\xbb\xbfK=n\nA=1\n"),
}


def test_every_other_byte_stays(staged: "Staged") -> None:
    # The parser takes `export` for one only before a name of two letters.
    files = {name: (before.replace(b"K", b"KK"), after.replace(b"K", b"KK")) for name, (before, after) in FILES.items()}
    found = edits(staged, *((before, "KK", b"n") for before, _ in files.values()))
    for (name, (before, after)), edited in zip(files.items(), found, strict=True):
        assert (edited.exit, edited.said, edited.file, edited.same) == (0, "", after, True), name
        # The old one stays beside it, for its owner only.
        assert edited.kept == [("0o600", before)], name


ATTRIBUTES = {
    "as it is": ":",
    "private": "chmod 600 .env",
    "read-only for its owner": "chmod 440 .env",
    "group": "usermod -a -G www-data forge; chgrp www-data .env; chmod 660 .env",
    "link": "mkdir shared; chown forge: shared; mv .env shared/; ln -s shared/.env .env; chown -h forge: .env",
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_owner_mode_group_and_link_stay(staged: "Staged", name: str) -> None:
    staged.sh(f"cd {APP}; {ATTRIBUTES[name]}")
    look = f"cd {APP}; stat -c '%A %U %G' .env; stat -Lc '%a %U %G' .env; readlink .env || echo none"
    before = staged.sh(look)
    for value in ("one", "two words"):
        assert edit(staged, KEY, value) == ""
        assert holds(staged, KEY, value)
    assert staged.sh(look) == before
    assert staged.sh(f"find {APP} -maxdepth 2 -name '*.new' | wc -l").strip() == "0"


def test_an_acl_stays(staged: "Staged") -> None:
    staged.sh(f"setfacl -m u:www-data:r {APP}/.env")
    before = staged.sh(f"getfacl -c {APP}/.env")
    assert edit(staged, KEY, "x") == ""
    assert staged.sh(f"getfacl -c {APP}/.env") == before


REFUSED = {
    "has another name (hard link)": "ln .env other",
    "its uid cannot be kept": "chown root:forge .env; chmod 640 .env",
    "cannot be parsed as it is": "echo 'B=two words' >> .env",
    "Permission denied": "chmod 555 .; chown root .",
    "is not a file": "rm .env; mkdir .env",
    # The only disk of the host that can be filled, and that nothing else depends on.
    "No space left on device": (
        f"install -d -o forge -g forge {DISK}; cp -a .env {DISK}/; ln -sf {DISK}/.env .env;"
        f" chown -h forge: .env; dd if=/dev/zero of={DISK}/fill bs=64k 2>/dev/null || true"
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_kept_is_refused(staged: "Staged", why: str) -> None:
    mark = "0" * 64
    try:
        staged.sh(f"cd {APP}; {REFUSED[why]}")
        look = f"cd {APP}; ls -lAd --time-style=full-iso .env; ls -lA .; ls -A shared 2>/dev/null || true"
        before = staged.sh(look)
        if "mkdir .env" not in REFUSED[why]:
            mark = hashlib.sha256(env(staged)).hexdigest()
        assert why in edit(staged, KEY, "x", seen=mark)
        assert staged.sh(look) == before
    finally:
        staged.sh(f"rm -rf {DISK}")


def test_another_file_than_was_looked_at_is_left_alone(staged: "Staged") -> None:
    before = env(staged)
    assert edit(staged, KEY, "x", seen="0" * 64).endswith("has changed since it was looked at")
    assert env(staged) == before


def test_what_an_edit_left_that_was_cut_short_is_removed_and_five_old_ones_are_kept(staged: "Staged") -> None:
    staged.sh(f"cd {APP}; ln .env .env.remediate-20200101T000000Z-aa; echo x > .env.remediate-20200101T000000Z-bb.new")
    for number in range(7):
        assert edit(staged, KEY, f"value-{number}") == ""
    kept = staged.sh(f"ls -A {APP} | grep remediate").split()
    assert len(kept) == 5
    assert not [name for name in kept if name.endswith((".new", "aa"))]
    assert f"{KEY}=value-5" in staged.sh(f"cat {APP}/{kept[-1]} {APP}/{kept[-2]}")
