"""An incident that is followed while its processes are killed."""

from pathlib import Path

import pytest

from support.clock import until
from support.durable import ToyFleet
from support.toy_following import Server, following, incidents, only, send, served


@pytest.mark.timeout(180)
def test_a_process_that_is_killed_before_and_after_the_fix_goes_on(toys: ToyFleet, state: Path) -> None:
    following(toys, again=0.05)
    (toys.directory / "pace").write_text("1.5")
    first = Server(toys, state, "firing")
    until(lambda: bool(incidents(toys.project)))
    first.kill()
    assert "end" not in toys.steps("toy0")
    second = Server(toys, state)
    until(lambda: any(run.verdict in {"fixed", "unknown"} for run in only(toys).runs))
    second.kill()
    assert only(toys).open
    with served(toys) as client:
        send(client, status="resolved")
        until(lambda: only(toys).postmortem_path is not None)
    incident = only(toys)
    assert toys.steps("toy0").count("begin") <= 1
    assert incident.confirmed[-1].verdict == "healthy"
