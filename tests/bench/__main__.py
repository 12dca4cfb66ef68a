"""Side by side, in one run: remediate and other ways to the same answers.

    make bench                  # all of it, about twenty minutes; writes docs/performance.*
    make bench BENCH=short      # can it run? two minutes; writes to .bench/ only

It boots a staging host of its own, makes each peer's environment, and ends all that it started.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import environments, page, plot
from bench.cases import (
    ANSIBLE,
    APP_DOWN,
    CHECK,
    FABRIC,
    FIXES,
    MANY,
    MITOGEN,
    PYINFRA,
    QUESTIONS,
    SSH,
    STARTS,
    Group,
    State,
)
from bench.environments import ROOT, BenchError
from bench.machine import busy, commit, machine, now
from bench.places import ENVIRONMENTS, WORK, staging_host
from bench.results import Results
from bench.runner import Runner
from remediate.errors import RemediateError

YOUNG: Final = 31.0
"""Seconds for which a healthy host is watched by remediate, as something on it might be failing again and again."""

BOUND: Final = {"full": 1200.0, "short": 100.0}
"""Seconds after which one round of each further group has to do."""

FULL: Final = (
    Group(STARTS, 9),
    *(Group(QUESTIONS, 7, round_trip=trip) for trip in (0, 20, 100)),
    *(Group(MANY, 3, round_trip=trip, hosts=10) for trip in (0, 100)),
    # Not in turn: a round of Ansible takes as long as all others together.
    Group((SSH, FABRIC, PYINFRA, CHECK), 3, hosts=100),
    Group((ANSIBLE, MITOGEN), 1, hosts=100),
    Group((SSH, FABRIC, PYINFRA, CHECK), 1, hosts=1000),
    *(Group(QUESTIONS, 3, State.STOPPED, trip) for trip in (0, 20, 100)),
    *(Group(FIXES, 5, State.STOPPED, trip, serving=True) for trip in (0, 100)),
)
SHORT: Final = (
    Group(STARTS[1:4], 3),
    *(Group((*MANY, APP_DOWN), 3, round_trip=trip) for trip in (0, 100)),
    Group(FIXES, 1, State.STOPPED, 0, serving=True),
)


def say(text: str) -> None:
    """Write one line of progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def bench(groups: Sequence[Group], uv: str, breakdowns: int, until: float) -> Results:
    """Run all groups, one after the other, and return what was measured."""
    for program in ("ssh", "xargs"):
        if shutil.which(program) is None:
            raise BenchError(f"{program} is missing (Debian, Ubuntu: apt-get install openssh-client findutils)")
    share, date = busy(), now()
    with ExitStack() as leaving:
        # A socket's path has at most 107 bytes: this folder cannot lie in the checkout.
        sockets = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        say("booting the staging host")
        place = leaving.enter_context(staging_host(sockets))
        booted = time.monotonic()
        say("environments of the peers")
        environments.prepare(uv, ENVIRONMENTS)
        runner = leaving.enter_context(Runner(place, say, until))
        for group in (each for each in groups if each.cases[0] in STARTS):
            runner.run(group)
        time.sleep(max(0, YOUNG - (time.monotonic() - booted)))
        for group in (each for each in groups if each.cases[0] not in STARTS and each.state is State.HEALTHY):
            runner.run(group)
        runner.break_down(breakdowns)
        for group in (each for each in groups if each.state is State.STOPPED):
            runner.run(group)
        return Results(
            date=date,
            commit=commit(ROOT),
            machine=machine(),
            busy=max(share, busy()),
            versions=environments.versions(),
            samples=tuple(runner.samples),
            phases=tuple(runner.phases),
            restart=tuple(runner.restart(breakdowns)),
        )


def main() -> int:
    """Run the bench and write what came of it. The exit status is 1 if some case never gave a right answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form", choices=("full", "short"))
    parser.add_argument("--uv", default="uv", help="the program uv")
    parser.add_argument("--rounds", type=int, help="rounds of every group")
    parser.add_argument("--hosts", default="1,10,100", help="numbers of hosts (1000 as well, which takes long)")
    parser.add_argument("--output", type=Path, help="folder to write to")
    given = parser.parse_args()
    hosts = {int(number) for number in given.hosts.split(",")}
    groups = [each for each in (FULL if given.form == "full" else SHORT) if each.hosts in hosts]
    if given.rounds:
        groups = [replace(each, rounds=given.rounds) for each in groups]
    output = given.output or (ROOT / "docs" if given.form == "full" else WORK)
    begun = time.monotonic()
    # Also ended from outside, it removes its host and closes what it keeps open.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    full = given.form == "full"
    try:
        results = bench(groups, given.uv, given.rounds or (7 if full else 1), begun + BOUND[given.form])
    except (BenchError, RemediateError) as error:
        say(f"bench: {error}")
        return 1
    (output / "performance.json").write_text(results.model_dump_json(indent=1) + "\n")
    (output / "performance.md").write_text(page.render(results))
    (output / "performance.svg").write_text(plot.render(results))
    say(f"{output / 'performance.md'} after {time.monotonic() - begun:.0f} s")
    wrong = results.never_right()
    for each in wrong:
        say(f"bench: {each.case} never answered ({each.state.value}, {each.hosts} hosts): {each.failed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
