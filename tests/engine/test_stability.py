"""The stability window: enough samples, evenly spread; unreadable ones are repeated."""

import threading
import time
from collections.abc import Callable, Iterable

import pytest

from remediate.core.facts import Facts
from remediate.engine.stability import EXTRA, SAMPLES, Held, Window, hold
from remediate.errors import ContactLost, Unreadable

FACTS = Facts({})
SHORT = 0.3


class _Clock(threading.Event):
    """An event that never comes, on a clock that jumps where it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def wait(self, timeout: float | None = None) -> bool:
        self._now += timeout or 0.0
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr("remediate.engine.stability.monotonic", made.now)
    return made


class Samples:
    """Says what each sample comes to: None is good, a text is a fault, an Unreadable cannot be judged."""

    def __init__(self, said: Iterable[str | Unreadable | None] = (), clock: _Clock | None = None) -> None:
        self.said = list(said)
        self.times: list[float] = []
        self.progress: list[str] = []
        self.now = clock.now if clock else time.monotonic
        self.stop = clock or threading.Event()

    def sample(self) -> Facts:
        self.times.append(self.now())
        return FACTS

    def fault(self, _: Facts) -> str | None:
        number = len(self.times) - 1
        said = self.said[number] if number < len(self.said) else None
        if isinstance(said, Unreadable):
            raise said
        return said

    def watch(self, seconds: float = SHORT, sample: Callable[[], Facts] | None = None) -> Window:
        return hold(sample or self.sample, self.fault, seconds=seconds, stop=self.stop, progress=self.progress.append)


def test_a_good_window_has_six_samples_evenly_spread_its_ends_among_them(clock: _Clock) -> None:
    samples = Samples(clock=clock)
    window = samples.watch(0.5)
    assert (window.held, window.last) == (Held.HELD, FACTS)
    assert SAMPLES == 6
    assert samples.times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert samples.progress[-1] == "holding 0 s: 6/6 samples good"


@pytest.mark.parametrize(("seconds", "count"), [(0, 6), (20, 6), (25, 6), (30, 7), (60, 13), (300, 61)])
def test_a_longer_window_is_sampled_every_five_seconds(seconds: float, count: int, clock: _Clock) -> None:
    samples = Samples(clock=clock)
    assert samples.watch(seconds).held is Held.HELD
    assert len(samples.times) == count
    assert clock.now() == pytest.approx(seconds)


@pytest.mark.parametrize("bad", range(6))
def test_one_fault_ends_it_whenever_it_comes(bad: int) -> None:
    samples = Samples([*[None] * bad, "502 from the host"])
    window = samples.watch(0)
    assert window.held is Held.BROKEN
    assert window.why.startswith("502 from the host (")
    assert len(samples.times) == bad + 1


@pytest.mark.parametrize(
    ("seconds", "good", "doubts"), [*((1, 0, doubts) for doubts in range(1, EXTRA + 1)), (60, 12, 1)]
)
def test_unreadable_samples_are_made_up_for_the_last_one_too(
    seconds: float, good: int, doubts: int, clock: _Clock
) -> None:
    samples = Samples([*[None] * good, *[Unreadable("no answer")] * doubts], clock)
    assert samples.watch(seconds).held is Held.HELD
    assert len(samples.times) == max(SAMPLES, good + 1) + doubts


def test_too_many_unreadable_samples_are_no_result(clock: _Clock) -> None:
    window = Samples([Unreadable("no answer")] * (EXTRA + 1), clock).watch(1)
    assert (window.held, window.why) == (Held.UNREADABLE, "no answer")


def test_a_stop_ends_it_at_once() -> None:
    samples = Samples()
    threading.Timer(0.1, samples.stop.set).start()
    assert samples.watch(3600).held is Held.STOPPED


def test_a_lost_link_escapes() -> None:
    def lost() -> Facts:
        raise ContactLost("gone")

    with pytest.raises(ContactLost):
        Samples().watch(sample=lost)
