"""The helper runs declared lines exactly, and refuses everything else."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from remediate.commands.docs.example import EXAMPLE
from remediate.commands.privileges import privileges_of
from remediate.core.batches import commands_for
from remediate.core.command import ROOT, Run
from remediate.core.helper import COMPLAINT, SEVERAL_SECONDS, TURN_SECONDS, UNDECLARED, declared_in, helper, in_turn
from remediate.core.host import Host, SshTarget
from remediate.core.program_text import HELPER, HELPER_VERSION
from remediate.core.services import DatabaseLimits
from remediate.privileges.consequences import worst
from remediate.privileges.installation import script
from remediate.probes.folders import Folders
from remediate.probes.nginx import NginxConfig
from remediate.programs.database import ACCOUNT, end_idle
from remediate.project.project import Project

ODD = ("it's", 'a "quoted" $(word)', "*", "a  b", "-n", "\\'", "é")
SAY = Run.of("/bin/sh", "-c", 'printf "<%s>" "$@"; cat', "sh", user=ROOT).helped("say", *ODD)
QUIET = Run.of("/bin/sh", "-c", "exit 7", "sh", user=ROOT).helped("quiet")
QUIETER = Run.of("/bin/echo", "quieter", user=ROOT).helped("quiet-er", "x")
LOUD = Run.of("/bin/sh", "-c", "cat; echo out; echo err >&2; exit 3", user=ROOT)
SLOW = Run.of("/bin/sleep", "60", user=ROOT, seconds=0.3)
QUESTIONS = (QUIET, LOUD, SLOW, Run.of("/bin/echo", "*", "a  b", user=ROOT, seconds=5))
HOST = Host(name="web1", ssh=SshTarget(address="192.0.2.1"))


def ask(tmp_path: Path, verb: str, said: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Run the helper for SAY and QUIET as its first line says, with an environment that it must not see."""
    file = tmp_path / "helper"
    file.write_text(helper([SAY, QUIET, QUIETER, *map(in_turn, QUESTIONS)]))
    file.chmod(0o755)
    return subprocess.run(
        (str(file), verb, *more),
        input=said,
        env={"PATH": str(tmp_path), "IFS": "/", "ENV": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def line(*arguments: str, digest: str = SAY.digest) -> str:
    return "".join(f"\t{each}" for each in (digest, *arguments)) + "\n"


def test_it_hands_on_every_argument_and_what_is_read(tmp_path: Path) -> None:
    done = ask(tmp_path, "say", f"{line(*ODD)}input\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "".join(f"<{each}>" for each in ODD) + "input\n", "")


def test_a_verb_without_arguments(tmp_path: Path) -> None:
    assert ask(tmp_path, "quiet", line(digest=QUIET.digest)).returncode == 7


@pytest.mark.parametrize(
    ("verb", "said", "more"),
    [
        ("say", line(*ODD[:-1]), ()),
        ("say", line(*ODD, "more"), ()),
        ("say", line(*reversed(ODD)), ()),
        ("say", line(" ".join(ODD)), ()),
        ("say", line(*ODD, digest=QUIET.digest), ()),
        ("say", line(*ODD)[len(SAY.digest) + 1 :], ()),
        ("say", "\n", ()),
        ("quiet", line("x", digest=QUIET.digest), ()),
        ("quiet", f"-er{line('x', digest=QUIETER.digest)}", ()),
        ("quiet", "quiet) exit 3 ;; #\n", ()),
        ("*", "\n", ()),
        ("sh", line("-c", "exit 3"), ()),
        ("", "\n", ()),
    ],
)
def test_what_was_not_declared_is_refused(tmp_path: Path, verb: str, said: str, more: tuple[str, ...]) -> None:
    done = ask(tmp_path, verb, said, *more)
    assert (done.returncode, done.stdout) == (UNDECLARED, "")
    assert done.stderr.startswith(COMPLAINT)


def asked(index: int, run: Run) -> str:
    return "\t".join((str(index), in_turn(run).digest, *in_turn(run).arguments)) + "\n"


def answer(index: int, code: int, out: str = "", err: str = "") -> str:
    return f"\nN out {index}\n{out}\nN err {index}\n{err}\nN ended {index} {code} whole\n"


def test_several_are_answered_in_turn_each_with_its_own_status(tmp_path: Path) -> None:
    quiet, loud, _, echo = QUESTIONS
    done = ask(tmp_path, "several", "N\n" + asked(0, loud) + asked(1, quiet) + asked(7, echo))
    assert done.stdout == answer(0, 3, "out\n", "err") + answer(1, 7) + answer(7, 0, "* a  b\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_one_that_is_too_slow_ends_the_turn(tmp_path: Path) -> None:
    quiet, loud, slow, _ = QUESTIONS
    done = ask(tmp_path, "several", "N\n" + asked(0, quiet) + asked(1, slow) + asked(2, loud))
    assert done.stdout == answer(0, 7) + answer(1, 124)


@pytest.mark.parametrize(
    "said",
    [
        asked(0, LOUD.model_copy(update={"seconds": 61})),
        asked(0, Run.of("/bin/echo", "*", "a  b", "c", user=ROOT, seconds=5)),
        asked(0, Run.of("/bin/echo", "* a  b", user=ROOT, seconds=5)),
        asked(0, SAY),
        asked(0, QUIETER),
        asked(0, LOUD).replace("\t-\t", "\tquiet\t"),
        asked(0, QUIET).removeprefix("0\t"),
        f"0{line(*ODD)}",
        "0\tseveral\n",
        "0\t*\n",
        "\n",
    ],
)
def test_what_is_not_a_declared_question_is_left_out(tmp_path: Path, said: str) -> None:
    done = ask(tmp_path, "several", f"N\n{said}{asked(4, QUIET)}")
    assert done.stdout == answer(4, 7)


def test_a_question_is_no_verb_of_its_own(tmp_path: Path) -> None:
    """A question asked in turn gets no input, unless its own rule allows that."""
    for verb in ("-", "quieter", "several\t"):
        assert ask(tmp_path, verb, asked(0, LOUD).removeprefix("0")).returncode == UNDECLARED


def test_a_turn_ends_before_its_survey_does(tmp_path: Path) -> None:
    """Whoever writes questions without end keeps root busy for a moment only, whatever sudo limits."""
    waits = Run.of("/bin/sleep", "1.1", user=ROOT, seconds=5)
    file = tmp_path / "helper"
    text = helper([in_turn(waits)])
    file.write_text(text.replace(f"+ {TURN_SECONDS}))", "+ 2))"))
    assert file.read_text() != text
    file.chmod(0o755)
    said = "N\n" + "".join(asked(index, waits) for index in range(9))
    done = subprocess.run((str(file), "several"), input=said, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout in (answer(0, 0), answer(0, 0) + answer(1, 0))


def test_a_line_without_end_costs_no_more_than_its_reading(tmp_path: Path) -> None:
    """`${asked#*TAB}` takes dash a minute of root's processor for half a megabyte."""
    began = os.times().children_user
    done = ask(tmp_path, "several", "N\n" + "x" * 500_000 + "\n" + asked(4, QUIET))
    assert done.stdout in (answer(4, 7), "")  # a machine that reads this for longer has begun no question
    assert os.times().children_user - began < 10


def test_only_root_is_asked_several() -> None:
    """Another user's processes could read the nonce out of the helper, and answer for root."""
    probes = (NginxConfig(), Folders(path="/srv/shop", user="shop"))
    assert all(probe.brief for probe in probes)
    assert [run.user for run in commands_for(probes) if run.verb == "several"] == [ROOT]


def test_the_permission_for_all_of_them_is_one() -> None:
    assert {in_turn(run).permission for run in QUESTIONS} == {(ROOT, (HELPER, "several"))}
    assert {in_turn(run).seconds for run in QUESTIONS} == {SEVERAL_SECONDS}


def test_one_verb_and_one_line_are_expected(tmp_path: Path) -> None:
    assert ask(tmp_path, "quiet", "\n", "quiet").returncode == 64
    assert ask(tmp_path, "quiet", "").returncode == 64


@pytest.mark.parametrize("argument", ["", "a\nb", "a\tb"])
def test_what_it_could_not_tell_apart_is_never_declared(argument: str) -> None:
    with pytest.raises(ValueError, match="cannot be handed"):
        helper([QUIET.helped("quiet", argument)])


def test_a_verb_stands_for_one_program() -> None:
    with pytest.raises(ValueError, match="say would stand for two programs"):
        helper([SAY, Run.of("/usr/bin/id", user=ROOT).helped("say")])


def test_another_program_is_another_declaration() -> None:
    """A helper that was made before `php` changed in the inventory would run the old one: it is not asked at all."""
    before, after = (Run.of(f"/usr/bin/php{version}", "-r", "x", user=ROOT).helped("app", "a") for version in (8, 9))
    assert before.declared != after.declared
    assert before.permission == after.permission


def test_what_is_declared_can_be_read_back() -> None:
    assert declared_in(helper([SAY, QUIET])) == (QUIET.declared, SAY.declared)


def test_everything_that_ships_can_be_installed_and_says_its_worst() -> None:
    commands = privileges_of(EXAMPLE, Project(None))
    text = script(EXAMPLE, "ops", commands)
    done = subprocess.run(("/bin/sh", "-n"), input=text, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "not reviewed" not in text
    assert "not remediate's own" not in text
    for run in commands:
        if run.verb:
            assert "not remediate's own" not in worst(run.user or "", run.permission[1]), run.verb


def test_another_protocol_is_another_version() -> None:
    """Programs have a digest of their own in each declared line; what is around them is what the version stands for."""
    digest = hashlib.sha256(helper([SAY, QUIET]).encode()).hexdigest()[:12]
    assert (HELPER_VERSION, digest) == (1, "162b64416b8f")


def test_root_gets_no_helper_and_no_rules() -> None:
    text = script(HOST, ROOT, [SAY, end_idle(DatabaseLimits(), "shop")])
    assert HELPER not in text
    assert "sudoers" not in text
    assert ACCOUNT in text


def test_nothing_is_made_in_a_database_that_is_not_asked() -> None:
    assert ACCOUNT not in script(HOST, "ops", [SAY])
