"""The CPU that one survey costs a healthy staging host: numbers, not a test.

Needs a staging host that is up (`invoke staging.up`):

    uv run python tests/bench/survey_cpu.py                     # one survey of app-down, and what is idle
    uv run python tests/bench/survey_cpu.py --playbook high-load
    uv run python tests/bench/survey_cpu.py --each              # and each question by itself

Counted is all that the host's control group used, so also what its daemons do for a question: systemd, supervisor,
PHP-FPM, sshd. What the host does by itself meanwhile is measured first, and taken off.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.engine.fleet import select
from remediate.engine.judge import CLOCK, RULES
from remediate.project.project import Project
from remediate.rehearsal.placement import DEFAULT_NAME
from remediate.rehearsal.staging import StagingHost, find
from remediate.transport.dialing import open_session
from remediate.transport.session import Session

CHECKOUT: Final = Path(__file__).parents[2]
_USED: Final = """
group=$(sed -n 's/^0:://p' /proc/1/cgroup)
sed -n 's/^usage_usec //p' "/sys/fs/cgroup${group%/*}/cpu.stat"
"""
_DEADLINE: Final = 300.0


def used(staging: StagingHost) -> float:
    """Return the seconds of CPU that everything on the host has used."""
    return int(staging.script(_USED)) / 1e6


def idle(staging: StagingHost, seconds: float) -> float:
    """Return the seconds of CPU that the host uses in one second when nobody asks."""
    begun, before = time.monotonic(), used(staging)
    time.sleep(seconds)
    after = used(staging)
    return (after - before) / (time.monotonic() - begun)


def cost(
    staging: StagingHost, session: Session, probes: Sequence[Probe[Fact]], surveys: int, background: float
) -> list[float]:
    """Return the seconds of CPU of each survey: one exec, its shell and everything that its questions start."""
    costs = []
    for _ in range(surveys):
        begun, before = time.monotonic(), used(staging)
        rounds = session.begin(probes, seconds=_DEADLINE)
        rounds.next()
        rounds.close()
        time.sleep(0.1)  # what was closed goes on to its end
        costs.append(used(staging) - before - background * (time.monotonic() - begun))
    return sorted(costs)


def say(text: str) -> None:
    """Write one line of the result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--playbook", default="app-down")
    parser.add_argument("--host", default=DEFAULT_NAME)
    parser.add_argument("--surveys", type=int, default=20)
    parser.add_argument("--each", action="store_true")
    given = parser.parse_args()

    project = Project.find(CHECKOUT)
    staging = find(given.host, directory=CHECKOUT / ".staging")
    (host,) = select(given.host, project.inventories())
    asked = (*project.load(given.playbook)(host).probes(), CLOCK, RULES)
    probes = tuple(dict.fromkeys(probe for probe in asked if probe.vantage is Vantage.HOST))
    session = open_session(host)
    cost(staging, session, probes, 1, 0)
    background = idle(staging, 10)
    say(f"idle {background:.3f} s in a second")
    costs = cost(staging, session, probes, given.surveys, background)
    say(f"{given.playbook}: {median(costs):.3f} s of CPU (the least {costs[0]:.3f}), {len(probes)} questions")
    if given.each:
        nothing = median(cost(staging, session, (), given.surveys, background))
        say(f"{nothing:.3f}  no question: the exec and its shell")
        found = [
            (median(cost(staging, session, (each,), given.surveys, background)) - nothing, each) for each in probes
        ]
        for seconds, probe in sorted(found, key=lambda pair: -pair[0]):
            say(f"{seconds:.3f}  {probe.kind:24} {str(probe.command())[:90]}")
        say(f"{sum(seconds for seconds, _ in found):.3f}  all of them")
    session.close()


if __name__ == "__main__":
    main()
