"""The host's script, run by every shell that may be /bin/sh."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediate.core.command import ROOT, Output, Run
from remediate.errors import Unreadable
from remediate.probes.sudo import Sudo
from remediate.testing import Call, PaperHost
from remediate.transport.script import LOCK_FILE, STDERR_LIMIT, STDOUT_LIMIT, Act, build
from support.asking import EVERY_SHELL, NONCE, ask, output, survey

# -- one round trip says the same as many ------------------------------------------------------------------------------


NEAR_THE_LIMIT = (STDOUT_LIMIT - 1, STDOUT_LIMIT, STDOUT_LIMIT + 1, 3 * STDOUT_LIMIT)
LOOKS_LIKE_A_FRAME = (
    b"\n0123 out 0\nforged",
    b"\n0123 exit 0 0\n",
    b"exit 0 0\n",
    b"\nround\n",
    b"again\n",
    b"\n",
    b"\n\n\n",
    b"\r\n \t",
)
streams = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(LOOKS_LIKE_A_FRAME),
    st.builds(
        lambda piece, size: (piece * size)[:size], st.binary(min_size=1, max_size=7), st.sampled_from(NEAR_THE_LIMIT)
    ),
)
programs = st.lists(
    st.tuples(streams, streams, st.one_of(st.integers(0, 255), st.sampled_from((0, 124, 126, 127, 137, 141, 255)))),
    min_size=1,
    max_size=6,
)


def expected(stdout: bytes, stderr: bytes, exit_status: int) -> Output:
    """Raw standard output; of standard error the end, as text: no NUL, no newlines after it."""
    return Output(
        stdout=stdout[:STDOUT_LIMIT].decode(errors="backslashreplace"),
        stderr=stderr[-STDERR_LIMIT:].replace(b"\0", b"").rstrip(b"\n").decode(errors="backslashreplace"),
        exit=exit_status,
        cut=len(stdout) > STDOUT_LIMIT,
    )


@EVERY_SHELL
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(stubs=programs)
def test_many_questions_in_one_trip_are_answered_as_one_by_one(
    shell: str, stubs: list[tuple[bytes, bytes, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with PaperHost(tmp_path_factory.mktemp("host"), shell=shell) as host:
        probes = [ask(f"stub{index}") for index in range(len(stubs))]
        for index, (stdout, stderr, status) in enumerate(stubs):
            host.program(f"stub{index}", stdout=stdout, stderr=stderr, exit_status=status)
        together = survey(host, *probes)
        for index, probe in enumerate(probes):
            stdout, stderr, status = stubs[index]
            got, wanted = output(together, probe), expected(stdout, stderr, status)
            if got.cut:
                # The limit ends the program's output, and with it some programs.
                assert got.exit in {status, 141, 1}
                got = got.model_copy(update={"exit": wanted.exit, "stderr": wanted.stderr})
            assert got == wanted
            alone = output(survey(host, probe), probe)
            if not alone.cut:
                assert alone == got


def test_twenty_big_answers_at_once_never_mix(host: PaperHost) -> None:
    probes = [ask(f"big{index}") for index in range(20)]
    for index in range(20):
        line = f"{index:02d}" * 50 + "\n"
        host.program(f"big{index}", stdout=line * 300, stderr=f"e{index}\n" * 100, seconds=0.05 * (index % 3))
    answers = survey(host, *probes)
    for index, probe in enumerate(probes):
        assert output(answers, probe).stdout == (f"{index:02d}" * 50 + "\n") * 300
        assert output(answers, probe).stderr == (f"e{index}\n" * 100).rstrip("\n")


def test_questions_are_asked_at_the_same_time(host: PaperHost) -> None:
    probes = [ask(f"slow{index}") for index in range(8)]
    for index in range(8):  # no question is answered before all are asked
        host.script(
            f"slow{index}",
            f': >"$HOME/asked-{index}"; until [ -e "$HOME/asked-0" ] && [ $(ls "$HOME"/asked-* | wc -l) = 8 ];'
            " do sleep 0.05; done; printf done",
        )
    answers = survey(host, *probes)
    assert {output(answers, probe).stdout for probe in probes} == {"done"}


def test_a_program_that_hangs_is_ended_at_its_own_deadline_and_harms_no_other(host: PaperHost) -> None:
    host.program("hangs", stdout="never", seconds=60)
    host.program("fine", stdout="fine")
    hangs, fine = ask("hangs", seconds=0.3), ask("fine")
    begun = time.monotonic()
    answers = survey(host, hangs, fine)
    assert time.monotonic() - begun < 30
    assert output(answers, fine).stdout == "fine"
    assert output(answers, hangs).exit == 124
    with pytest.raises(Unreadable, match=r"no answer within 0\.3 s"):
        hangs.read(output(answers, hangs))


def test_a_missing_program_and_a_forbidden_one_are_unreadable(host: PaperHost) -> None:
    missing, forbidden = ask("no-such-program"), ask("/opt/no-such-program", user=ROOT)
    answers = survey(host, missing, forbidden)
    with pytest.raises(Unreadable, match="cannot run no-such-program"):
        missing.read(output(answers, missing))
    with pytest.raises(Unreadable, match="not allowed to run"):
        forbidden.read(output(answers, forbidden))


def test_another_round_asks_anew(host: PaperHost) -> None:
    host.script("count", 'echo x >>"$HOME/n"; wc -l <"$HOME/n" | tr -d " "')
    probe = ask("count")
    rounds = host.session().begin((probe,), seconds=20)
    assert [output(rounds.next(), probe).stdout for _ in range(5)] == ["1\n", "2\n", "3\n", "4\n", "5\n"]
    rounds.close()
    assert host.starts == 1


def test_who_runs_what(tmp_path: Path) -> None:
    with PaperHost(tmp_path, user="forge") as host:
        for name in ("mine", "yours", "his"):
            host.program(name)
        survey(host, ask("mine"), ask("/usr/bin/yours", user=ROOT), ask("/usr/bin/his", user="forge"))
        assert sorted(host.calls) == [Call(("his",), "forge"), Call(("mine",), "forge"), Call(("yours",), "root")]


@pytest.mark.parametrize("name", ["root", "toor"])
def test_root_needs_no_sudo(tmp_path: Path, name: str) -> None:
    with PaperHost(tmp_path, user=name) as host:
        host.no("sudo")
        host.program("yours")
        host.script("id", f"[ $1 = -u ] && echo 0 || echo {name}")
        probe, rules = ask("/usr/bin/yours", user=ROOT), Sudo()
        answers = survey(host, probe, rules)
        assert output(answers, probe).exit == 0
        assert Call(("yours",), name) in host.calls
        found = rules.read(output(answers, rules))
        assert found.describe() == "not needed: the login is root"
        assert found.allows(Run.of("/usr/bin/anything", user="forge"))


def test_anybody_else_needs_sudo(tmp_path: Path) -> None:
    with PaperHost(tmp_path) as host:
        host.no("sudo")
        rules = Sudo()
        with pytest.raises(Unreadable, match="sudo: not found"):
            rules.read(output(survey(host, rules), rules))


def test_the_language_of_the_host_does_not_matter(host: PaperHost) -> None:
    host.script("language", 'echo "$LC_ALL|$LANGUAGE"')
    probe = ask("language")
    assert output(survey(host, probe), probe).stdout == "C|\n"


# -- the lock and the fence --------------------------------------------------------------------------------------------


STEP = Run.of("/usr/bin/step", "1", user=ROOT)


def test_the_lock_file_is_one_that_every_host_has() -> None:
    script = build(NONCE, [], Act(steps=(STEP,))).decode()
    assert f"exec 9<{LOCK_FILE}" in script
    assert LOCK_FILE == "/etc/machine-id"


def test_a_survey_takes_no_lock() -> None:
    assert LOCK_FILE not in build(NONCE, [Run.of("true")]).decode()


def test_two_builds_of_one_question_are_the_same_but_for_the_nonce() -> None:
    assert build("a", [STEP]).replace(b"N=a\n", b"N=b\n") == build("b", [STEP])


def test_stop_reading_in_the_middle_ends_the_shell(host: PaperHost) -> None:
    host.program("endless", stdout="x")
    rounds = host.session().begin((ask("endless"),), seconds=20)
    rounds.next()
    rounds.close()
    deadline = time.monotonic() + 30
    while _running(host) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _running(host)


def _running(host: PaperHost) -> bool:
    return any(channel.process.poll() is None for channel in host._channels)
