"""The time that masking by shape takes, for any text."""

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

# A busy machine gives a tenth of a core.
pytestmark = pytest.mark.timeout(300)

WORDS = [
    "PASSWORD", 'PASSWORD="', "PASSWORD='", 'PASSWORD=\\"', 'PASSWORD\\\\\\":\\\\\\"', '{"password":"',
    '\\"password\\":\\"',
    "'password' => '", "'password' => ", "[password] => ", "env[DB_PASSWORD] = ", "password: ", ",password: ", "{,(",
    "export ", "IDENTIFIED BY '", "IDENTIFIED WITH a", "mysql ", "mysql -p", "mysql -p'", "requirepass ", "redis-cli ",
    "sshpass -p", "curl ", "curl -u ", "curl --user a", "curl -u a:", "--", "--a-token ", "--token '", "--secret-",
    "dotenv file due to a", "dotenv file due to a. Failed at [",
    "PDO->__construct('", "PDO->__construct('a', 'b', '", "PDO->connect(a, a", "mysqli_connect(",
    "Encountered a at [", "Encountered ", "authorization: ", "authorization: bearer ", "bearer ", "://", "://a:", "://a:b@",
    "://:a/", ":\\/\\/a:", "sk_live_", "xoxa-", "eyJ-", "eyJaaaaaaaa.", "-----BEGIN ", "-----BEGIN A ",
    "-----BEGIN PRIVATE KEY-----", "-----END A ", "a.b-", "a", "_", "-",
    "hooks.slack.com/services/", "/hooks/", "?signature=", "<password>", "<password ", "pass=", "pass: ", "define('",
    "define('DB_PASSWORD', '", "->login(", "->login(a, '", "ldap_bind(a", "cookie: a=", "cookie: ", "_session=",
    "remember_", "login a password ", "login ", "_auth=", '"auth":"', "A_PASSWORD=a ", "A_", "SG.aaaaaaaaaaaaaaaa",
    "sk-aaaaaaaaaaaaaaaa.", "-----END PRIVATE KEY-----", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
    "api.telegram.org/bot",
]  # fmt: skip
FILLERS = ["\\", "\\a", '\\"', "\\'", '"', "'", ":", "=", " ", "\t", "@", "]", "].", '" ', "' ", "',", "a ", "/", "."]

_MEASURE = """
import json, sys, time
from remediate.masking.secret_patterns import mask_shapes

def seconds(text):
    begun = time.process_time()
    mask_shapes(text)
    return time.process_time() - begun

for begin, repeated in json.load(sys.stdin):
    texts = [begin + repeated * (length // len(repeated)) for length in LENGTHS]
    for _ in range(3):
        taken = [seconds(text) for text in texts]
        if taken[-1] < 12 * taken[0] + 0.01:
            break
    print(json.dumps([begin, repeated, *taken]), flush=True)
"""


def taken(texts: Sequence[tuple[str, str]], *lengths: int, within: float) -> list[tuple[str, str, float, float]]:
    """Mask each text, repeated to these lengths, in a process of its own: what has no end would never come back."""
    script = _MEASURE.replace("LENGTHS", repr(lengths))
    try:
        done = subprocess.run(
            (sys.executable, "-c", script),
            check=True,
            input=json.dumps(texts).encode(),
            capture_output=True,
            timeout=within,
        )
    except subprocess.TimeoutExpired as error:
        ended = len((error.stdout or b"").splitlines())
        pytest.fail(f"masking {texts[ended]} does not end")
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_no_text_hangs() -> None:
    # Not at the beginning of a line, where some shapes take all of it.
    texts = [(f"x {word}", filler) for word in WORDS for filler in FILLERS]
    texts += [("x ", word + filler) for word in WORDS for filler in FILLERS]
    assert len(taken(texts, 512, within=240)) == len(texts)


def test_a_longer_line_takes_longer_in_proportion() -> None:
    texts = [("x ", word) for word in WORDS] + [(f"x {word}", "\\a") for word in WORDS]
    texts += [("x " + "".join(WORDS), filler) for filler in FILLERS] + [("", filler) for filler in FILLERS]
    for begin, repeated, short, long in taken(texts, 4 * 1024, 16 * 1024, within=240):
        assert long < 12 * short + 0.01, (begin[:20], repeated)
