"""Configuration of a real host: one key of .env, its cache, and its workers."""

import hashlib
import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest
from pydantic import SecretStr

from remediate.core.command import Output, Run
from remediate.probes.configuration import Configuration, EnvState, EnvValue
from remediate.programs.config import cache_config
from remediate.programs.env import edit_env

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = pytest.mark.container

APP = "/home/forge/agency-platform"
KEY = "STRIPE_WEBHOOK_SECRET"
CACHED = f"{APP}/bootstrap/cache/config.php"


@pytest.fixture(autouse=True)
def as_it_was(staged: "Staged") -> Iterator[None]:
    """Put the application's configuration back, whatever a test makes of it."""
    keep = f"cp -a {APP}/.env {CACHED} /root/kept/"
    staged.sh(f"rm -rf /root/kept; mkdir /root/kept; {keep}")
    yield
    staged.sh(
        f"cd {APP}; chown forge: .;"
        " rm -rf .env .env.* shared other bootstrap/cache/config*;"
        f" cp -a /root/kept/.env {APP}/; cp -a /root/kept/config.php {CACHED}; chmod 755 {APP}"
    )


def as_forge(staged: "Staged", run: Run) -> "subprocess.CompletedProcess[str]":
    text = "" if run.stdin is None else run.stdin.get_secret_value()
    return staged.host.exec(("runuser", "-u", "forge", "--", *run.argv), text, 60)


def env(staged: "Staged") -> bytes:
    return bytes.fromhex(staged.sh(f"od -An -v -tx1 {APP}/.env"))


def edit(staged: "Staged", key: str, value: str | bytes, *, seen: str | None = None) -> str:
    """Set it with the program by itself; return what it refuses with."""
    text = value if isinstance(value, str) else value.decode(errors="surrogateescape")
    mark = seen or hashlib.sha256(env(staged)).hexdigest()
    done = as_forge(staged, edit_env("php8.2", APP, "forge", key, SecretStr(text), seen=mark))
    assert (done.returncode == 0) is (done.stderr == "")
    assert text not in done.stderr or len(text) < 4
    return done.stderr.strip()


def holds(staged: "Staged", key: str, value: str) -> bool:
    probe = EnvValue(php="php8.2", path=APP, user="forge", key=key, value=SecretStr(value))
    done = as_forge(staged, probe.command())
    return bool(probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)).ok)


_DRIVER = r"""
import base64, glob, hashlib, json, os, subprocess, sys
asked = json.load(sys.stdin)
os.chdir(asked["app"])
def run(argv, **given):
    return subprocess.run(argv, input=json.dumps(given), capture_output=True, text=True)
for case in asked["cases"]:
    for each in glob.glob(".env.remediate-*"): os.unlink(each)
    with open(".env", "r+b") as file:
        if case["file"] is not None: file.truncate(0); file.write(base64.b64decode(case["file"]))
    seen = hashlib.sha256(open(".env", "rb").read()).hexdigest()
    done = run(asked["edit"], key=case["key"], value=case["value"], seen=seen)
    found = run(asked["look"], key=case["key"], value=case["value"])
    kept = glob.glob(".env.remediate-*")
    print(json.dumps({
        "exit": done.returncode, "said": done.stderr.strip(), "same": '"state":"same"' in found.stdout,
        "file": base64.b64encode(open(".env", "rb").read()).decode(),
        "kept": [
            [oct(os.stat(each).st_mode & 0o777), base64.b64encode(open(each, "rb").read()).decode()] for each in kept
        ],
    }))
"""


class Edited(NamedTuple):
    """What came of one edit."""

    exit: int
    said: str
    same: bool
    file: bytes
    kept: list[tuple[str, bytes]]


def edits(staged: "Staged", *cases: tuple[bytes | None, str, bytes]) -> list[Edited]:
    """Set key after key, each in a file with that content or in the one that is there; in one go, as there are many."""
    dummy = SecretStr("")
    look = EnvValue(php="php8.2", path=APP, user="forge", key="A", value=dummy).command()
    asked = {
        "app": APP,
        "edit": edit_env("php8.2", APP, "forge", "A", dummy, seen="").argv,
        "look": look.argv,
        "cases": [
            {"file": None if file is None else b64encode(file).decode(), "key": key, "value": b64encode(value).decode()}
            for file, key, value in cases
        ],
    }
    done = staged.host.exec(("runuser", "-u", "forge", "--", "python3", "-c", _DRIVER), json.dumps(asked), 120)
    assert done.returncode == 0, done.stderr
    found = map(json.loads, done.stdout.splitlines())
    return [
        Edited(
            each["exit"],
            each["said"],
            each["same"],
            b64decode(each["file"]),
            [(mode, b64decode(text)) for mode, text in each["kept"]],
        )
        for each in found
    ]


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


DISK = "/var/log/nginx/small"
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


# -- the cached configuration ------------------------------------------------------------------------------------------


def compared(staged: "Staged") -> "tuple[EnvState, str, tuple[str, ...]]":
    probe = Configuration(php="php8.2", path=APP, user="forge")
    done = as_forge(staged, probe.command())
    state = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    return state.env, state.message, state.differs


REBUILD = cache_config("php8.2", APP, "forge")
UNBUILDABLE = {
    "broken .env": "echo 'B=canary two words' >> .env",
    "broken config file": "echo '<?php canary two words' > config/zz.php",
    "config file that ends it": "echo '<?php die(\"canary\");' > config/zz.php",
    "read-only": "chown root bootstrap/cache; chmod 555 bootstrap/cache",
    # Where the cached one is behind a symbolic link, the new one is made beside its target.
    "full": (
        f"install -d -o forge -g forge {DISK}; mv bootstrap/cache/config.php {DISK}/;"
        f" ln -s {DISK}/config.php bootstrap/cache/; dd if=/dev/zero of={DISK}/fill bs=64k || true"
    ),
}


@pytest.mark.parametrize("name", UNBUILDABLE)
def test_what_cannot_be_built_leaves_the_cached_one_as_it_is(staged: "Staged", name: str) -> None:
    try:
        staged.sh(f"cd {APP}; {UNBUILDABLE[name]}")
        look = f"cd {APP}/bootstrap/cache; ls -lA --time-style=full-iso . {DISK} || true; sha256sum config.php"
        before = staged.sh(look)
        done = as_forge(staged, REBUILD)
        assert done.returncode == 1
        assert done.stderr
        assert "canary" not in done.stderr + done.stdout
        assert staged.sh(look) == before
        if name not in {"read-only", "full"}:
            state, message, _ = compared(staged)
            assert state in {EnvState.BROKEN, EnvState.UNUSABLE}
            assert "canary" not in message
    finally:
        staged.sh(
            f"rm -rf {DISK} {APP}/config/zz.php; chown forge {APP}/bootstrap/cache; chmod 755 {APP}/bootstrap/cache"
        )


def test_it_is_built_beside_the_one_in_use(staged: "Staged") -> None:
    staged.sh(
        f"cd {APP}; chmod 640 {CACHED}; echo x > bootstrap/cache/config.remediate-0a.php;"
        " sed -i 's/^APP_NAME=.*/APP_NAME=Another/' .env"
    )
    assert compared(staged)[2] == ("app.name",)
    assert as_forge(staged, REBUILD).returncode == 0
    assert compared(staged) == (EnvState.SOUND, "", ())
    assert staged.sh(f"stat -c '%a %U' {CACHED}").strip() == "640 forge"
    assert staged.sh(f"ls {APP}/bootstrap/cache").split() == ["config.php", "packages.php", "services.php"]


def test_a_cached_configuration_that_php_cannot_read_is_another_one(staged: "Staged") -> None:
    staged.sh(f"truncate -s 2000 {CACHED}")
    state, _, differs = compared(staged)
    assert state is EnvState.SOUND
    assert len(differs) > 10
    assert as_forge(staged, REBUILD).returncode == 0
    assert compared(staged)[2] == ()


def test_passwords_that_only_count_as_the_same_are_not(staged: "Staged") -> None:
    for old, new in (("1e3", "1000"), ("0e11", "0e22"), ("0123", "123")):
        staged.sh(f"cd {APP}; sed -i 's/^APP_NAME=.*/APP_NAME={old}/' .env")
        assert as_forge(staged, REBUILD).returncode == 0
        staged.sh(f"cd {APP}; sed -i 's/^APP_NAME=.*/APP_NAME={new}/' .env")
        assert compared(staged)[2] == ("app.name",)


def test_a_cache_that_is_kept_elsewhere_is_not_touched(staged: "Staged") -> None:
    staged.sh(f"echo APP_CONFIG_CACHE=/tmp/x.php >> {APP}/.env")
    state, message, _ = compared(staged)
    assert state is EnvState.UNUSABLE
    assert "APP_CONFIG_CACHE" in message


def test_the_line_that_cannot_be_parsed_is_named_and_not_quoted(staged: "Staged") -> None:
    lines = ('A="-----BEGIN KEY-----', "no line by itself", '-----END"', "B=canary two words")
    staged.sh(f"cat > {APP}/.env <<'ENV'\n{chr(10).join(lines)}\nENV\n")
    assert compared(staged)[:2] == (EnvState.BROKEN, f"{APP}/.env cannot be parsed, line 4")


# -- the whole way -----------------------------------------------------------------------------------------------------


def set_env(cli: "Cli", path: "Path", value: str, *flags: str) -> "Ended":
    path.write_text(f"{value}\n")
    target = ("--host", cli.staged.name, "--inventory", str(cli.staged.inventory))
    return cli(
        *("invoke", "do.env.set", *target, "--json", "--hold", "0"),
        *("--key", KEY, "--value-from", f"file:{path}", *flags),
    )


def test_a_changed_secret_is_taken_by_everything(staged: "Staged", cli: "Cli", tmp_path: "Path") -> None:
    value = "whsec_c4n4ry/with&odd'chars"
    before = staged.sh("pgrep -f 'artisan queue:work' | sort").split()
    ended = set_env(cli, tmp_path / "value", value)
    ended.is_("fixed", 0, touched="yes")
    assert value not in ended.out + ended.err
    assert holds(staged, KEY, value)
    assert compared(staged)[2] == ()
    assert "c4n4ry" in staged.sh(f"cat {CACHED}")
    after = staged.sh("pgrep -f 'artisan queue:work' | sort").split()
    assert len(after) == len(before) == 2
    assert not set(after) & set(before)
    staged.serves()
    everything = staged.bystanders()
    set_env(cli, tmp_path / "value", value).is_("healthy", 0)
    assert staged.bystanders() == everything
    for file in (cli.home / "state").rglob("*"):
        assert file.is_dir() or b"c4n4ry" not in file.read_bytes()


_LONG_JOB = f"""<?php
require "{APP}/vendor/autoload.php";
$app = require "{APP}/bootstrap/app.php";
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
App\\Jobs\\RecordStripePayment::dispatch("evt_long", "test", 1, "eur");
"""


def test_a_worker_in_a_long_job_may_finish_it(staged: "Staged", cli: "Cli") -> None:
    staged.sh(
        "setsid -f mariadb agency -e 'lock tables payments write; select sleep(8)' >/dev/null 2>&1 </dev/null\n"
        f"sleep 0.5; runuser -u forge -- php8.2 <<'PHP'\n{_LONG_JOB}PHP\n"
        f"sleep 1.5; sed -i 's/^APP_NAME=.*/APP_NAME=Another/' {APP}/.env"
    )
    assert as_forge(staged, REBUILD).returncode == 0
    before = set(staged.sh("pgrep -f 'artisan queue:work'").split())
    target = ("--host", staged.name, "--inventory", str(staged.inventory))
    ended = cli("invoke", "do.worker.restart", *target, "--json", "--hold", "0")
    ended.is_("fixed", 0, touched="yes")
    recorded = "select count(*) from agency.payments where event_id = 'evt_long'"
    assert staged.sh(f'mariadb -N -e "{recorded}"').strip() == "1"
    assert not before & set(staged.sh("pgrep -f 'artisan queue:work'").split())
    assert json.loads(ended.out)["hosts"][0]["steps"][0]["verified"] == "proven"
