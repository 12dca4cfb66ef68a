"""Runs groups of cases in turn, round after round."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Self

from bench.cases import APP_DOWN, CHECK, FABRIC, PYINFRA_EXEC, SSH, UNITS, Case, Group, State
from bench.delay_proxy import Marks
from bench.environments import ROOT, BenchError
from bench.measure import Measured, measure_apart
from bench.meters import DelayProxy, HostCpu, PageWatch
from bench.places import WORK, Place, Target
from bench.results import Phases, Sample

_BROKEN_DOWN: Final = (SSH, FABRIC, PYINFRA_EXEC, CHECK, APP_DOWN)


class Runner:
    """Measures on one staging host. What it starts ends with it."""

    def __init__(self, place: Place, say: Callable[[str], None], until: float) -> None:
        self.samples = list[Sample]()
        self.phases = list[Phases]()
        self._place, self._say, self._until = place, say, until
        self._staging = place.staging
        self._proxies = dict[tuple[int, int], DelayProxy]()
        self._cpu = HostCpu(place.staging)
        self._env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self._env |= {"HOME": str(WORK / "home"), "REMEDIATE_STATE_DIR": str(WORK / "state")}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._part()
        self._cpu.close()
        for proxy in self._proxies.values():
            proxy.close()

    def run(self, group: Group) -> None:
        """Run every case of a group once in each round. Late in the bench, one round has to do."""
        target = self._target(group.hosts, group.round_trip)
        self._say(
            f"{group.hosts} hosts, {group.state.value}, {group.round_trip} ms: {len(group.cases)} cases, "
            f"{group.rounds} rounds"
        )
        self._set(group.state)
        for case in group.cases:
            if case.stays and not group.serving:  # It is compared with its connections open.
                self._measured(case, target)
        for number in range(group.rounds):
            if number and time.monotonic() > self._until:
                break
            # Each round begins with another case, so that none always follows the same one.
            turn = number % len(group.cases)
            for case in (*group.cases[turn:], *group.cases[:turn]):
                sample = self._sample(case, group, number, target)
                self._say(f"  {case.name}: {sample.failed or f'{sample.served or sample.wall:.2f} s'}")
                self.samples.append(sample)
        self._part()
        if group.state is State.STOPPED:
            self._set(State.HEALTHY)

    def break_down(self, rounds: int) -> None:
        """Say where the time goes: on a near host, behind a proxy that only looks."""
        for case in _BROKEN_DOWN * rounds:
            proxy = DelayProxy(self._staging.ports.ssh, 0)
            try:
                done = self._measured(case, self._place.target(1, proxy.port, self._staging.ports.https))
                if _wrong(case, State.HEALTHY, 1, done) is None:
                    self.phases += _phases(case, done, proxy.marks(), self._logins())
            finally:
                proxy.close()

    def restart(self, rounds: int) -> Iterator[float]:
        """Yield how long systemd takes to bring PHP-FPM back, asked on the host."""
        for _ in range(rounds):
            self._set(State.STOPPED)
            took = self._staging.script(f"a=$(date +%s%N); systemctl restart {UNITS[0]}; echo $(($(date +%s%N) - a))")
            yield int(took) / 1e9

    def _sample(self, case: Case, group: Group, number: int, target: Target) -> Sample:
        watch = None
        if group.serving:
            self._set(State.STOPPED)
            watch = PageWatch(self._staging.ports.https, self._staging.ca)
            if watch.status() == 200:
                raise BenchError(f"the page is served although {UNITS[0]} is stopped")
            watch.begin()
        before, begun = self._cpu.used(), time.monotonic()
        done = self._measured(case, target)
        served = watch.end() if watch is not None else None
        time.sleep(0.1)  # What a closed connection leaves on the host goes on to its end.
        host_cpu = self._cpu.since(before, time.monotonic() - begun)
        failed = _wrong(case, group.state, group.hosts, done)
        if watch is not None and served is None:
            failed = failed or "the page was never served again"
        return Sample(
            case=case.name,
            state=group.state,
            round_trip=group.round_trip,
            hosts=group.hosts,
            round=number,
            wall=round(done.wall, 4),
            first=None if done.first is None else round(done.first, 4),
            cpu=round(done.cpu, 3),
            rss=done.rss,
            host_cpu=None if watch is not None else round(host_cpu, 3),
            served=None if served is None else round(served - done.started, 4),
            failed=failed,
        )

    def _measured(self, case: Case, target: Target) -> Measured:
        env = {**self._env, **{name: target.fill(value) for name, value in case.env.items()}}
        return measure_apart([target.fill(word) for word in case.argv], env, str(WORK))

    def _target(self, hosts: int, round_trip: int) -> Target:
        ports = self._staging.ports
        if not round_trip:
            return self._place.target(hosts, ports.ssh, ports.https)
        for port in (ports.ssh, ports.https):
            if (port, round_trip) not in self._proxies:
                self._proxies[port, round_trip] = DelayProxy(port, round_trip)
        ssh, https = (self._proxies[port, round_trip].port for port in (ports.ssh, ports.https))
        return self._place.target(hosts, ssh, https)

    def _set(self, state: State) -> None:
        verb = "start" if state is State.HEALTHY else "stop"
        self._staging.script(f"systemctl reset-failed {UNITS[0]} || true; systemctl {verb} {UNITS[0]}")

    def _logins(self) -> list[float]:
        log = self._staging.script("journalctl --quiet --output=short-unix --unit=ssh --lines=20")
        return [float(stamp) for stamp in re.findall(r"^([0-9.]+) .*: Accepted publickey", log, re.MULTILINE)]

    def _part(self) -> None:
        """Close the connections that a tool keeps open."""
        for socket in self._place.sockets.iterdir():
            subprocess.run(("ssh", "-S", str(socket), "-O", "exit", "h001"), capture_output=True, check=False)


def _wrong(case: Case, state: State, hosts: int, done: Measured) -> str | None:
    """Return why this is no right answer: a failure must not count as a fast success."""
    expected = case.expected[state]
    # The document is committed: it names no folder of this machine.
    said = done.output.replace(str(ROOT), ".").strip()[-300:]
    if done.exit_code != expected.exit_code:
        return f"exit status {done.exit_code}, not {expected.exit_code}: {said}"
    found = len(re.findall(expected.pattern, done.output))
    if expected.pattern and found != hosts * expected.times:
        return f"{found} right answers, not {hosts * expected.times}: {said}"
    return None


def _phases(case: Case, done: Measured, marks: Marks, logins: Sequence[float]) -> Iterator[Phases]:
    """Yield the phases of a run, if all their ends were seen."""
    login = next((each for each in logins if each >= marks.opened), None)
    if marks.keys is None or marks.answered is None or login is None:
        return
    yield Phases(
        case=case.name,
        start=round(marks.opened - done.started, 4),
        keys=round(marks.keys - marks.opened, 4),
        login=round(login - marks.keys, 4),
        asking=round(marks.answered - login, 4),
        ending=round(done.started + done.wall - marks.answered, 4),
    )
