"""Commands as values, and their masked display."""

import pickle
import re
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr, ValidationError

from remediate.core.command import ROOT, Run, typed
from remediate.core.program_text import name_of, program_text
from remediate.programs.config import cache_config
from remediate.programs.env import edit_env
from remediate.programs.processes import end_processes

CANARY = "c4n4ry 'x'\n$(id)"
READS = Run.of("/usr/bin/cat", user="forge", stdin=CANARY)
PROGRAMS = {
    "edit_env.php": edit_env("php8.2", "/srv/app", "forge", "A", SecretStr(CANARY), seen="0"),
    "cache_config.php": cache_config("php8.2", "/srv/app", "forge"),
    "end_processes.sh": end_processes(("1:2", "3:4"), "forge", 5, left="kill"),
}


def test_what_it_reads_is_part_of_it_and_never_seen() -> None:
    assert READS.stdin == SecretStr(CANARY)
    assert Run.of("/usr/bin/cat", user="forge") != READS
    assert Run.of("/usr/bin/cat", user="forge", stdin=CANARY) == READS
    assert len({READS, Run.of("/usr/bin/cat", user="forge", stdin=CANARY)}) == 1
    assert pickle.loads(pickle.dumps(READS)) == READS  # noqa: S301  # our own bytes
    for shown in (str(READS), repr(READS), READS.model_dump_json(), str(READS.model_dump()), f"{READS}"):
        assert "c4n4ry" not in shown


def test_what_it_reads_makes_no_other_permission() -> None:
    assert (
        READS.permission == Run.of("/usr/bin/cat", user="forge", seconds=1).permission == ("forge", ("/usr/bin/cat",))
    )
    assert READS.permission != Run.of("/usr/bin/cat", user=ROOT, stdin=CANARY).permission


def test_a_shell_can_hand_over_no_nul() -> None:
    with pytest.raises(ValidationError) as raised:
        Run.of("cat", stdin="c4n4ry\0")
    assert "c4n4ry" not in str(raised.value.errors(include_input=False))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_a_name_in_the_place_of_its_text(name: str) -> None:
    run = PROGRAMS[name]
    assert f"'{name} of remediate'" in str(run)
    assert len(str(run)) < 150
    (text,) = (word for word in run.argv if name_of(word) == name)
    assert len(text) > 300
    # A sudoers rule can express no more than one line, and a comment would swallow the rest of it.
    assert "\n" not in text
    assert not re.search(r"(^| )(//|#) ", text)
    assert "c4n4ry" not in " ".join(run.argv)


@pytest.mark.parametrize(("left", "exit_status"), [("wait", 1), ("leave", 0), ("kill", 0)])
def test_one_that_does_not_end_is_named(left: Literal["wait", "kill", "leave"], exit_status: int) -> None:
    deaf = "trap '' TERM; echo; while :; do read -r _ || sleep 1; done"
    with subprocess.Popen(("sh", "-c", deaf), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()[19]
        run = end_processes((f"{process.pid}:{began}",), "forge", 0, left=left)
        assert run.stdin is not None
        given = run.stdin.get_secret_value()
        try:
            done = subprocess.run(run.argv, input=given, capture_output=True, text=True, check=False)
        finally:
            process.kill()
    assert done.returncode == exit_status
    assert done.stderr == ("" if left == "kill" else f"still there: {process.pid}\n")


def test_only_what_is_ours_has_a_name() -> None:
    assert name_of("echo") is None
    assert name_of(program_text("remediate.programs", "end_processes.sh") + " ") is None
    assert typed(("sh", "-c", "a\nb\nc"), None) == "sh -c 'program of 3 lines'"
    assert typed(("printf", "a b"), ROOT) == "sudo -n printf 'a b'"
    assert typed(("id",), "forge") == "sudo -n -u forge id"


def test_what_differs_is_no_part_of_a_program() -> None:
    first = edit_env("php8.2", "/srv/app", "forge", "A", SecretStr("one"), seen="1")
    other = edit_env("php8.2", "/srv/app", "forge", "B", SecretStr("two"), seen="2")
    assert first.argv == other.argv
    assert first != other
    assert end_processes(("1:2",), "forge", 5).argv == end_processes((), "forge", 5).argv


def test_a_value_that_is_no_text_travels_whole() -> None:
    run = edit_env("php8.2", "/srv/app", "forge", "A", SecretStr("caf\udce9 \n"), seen="0")
    assert run.stdin is not None
    assert '"value": "Y2Fm6SAK"' in run.stdin.get_secret_value()
