"""Incidents that follow alerts about toys, in processes of the service that may be killed."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from remediate.core.options import Options
from remediate.incident.events import Alerted
from remediate.incident.record import Incident
from remediate.incident.store import IncidentStore
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project
from remediate.service import service, starter
from support.durable import ToyFleet
from support.toy_alerts import BEARER, SECRETS, firing, group, with_policy

SECOND = 1 / 60
"""In minutes."""
ALERT = Alerted(
    state="declares",
    decision=new_run_id(),
    rule="toy-down",
    source="alertmanager",
    fingerprint="f",
    name="ToyDown",
    host="toy0",
)


def following(toys: ToyFleet, *more: str, again: float = SECOND) -> ToyFleet:
    """Give a fleet a policy whose rule declares incidents. `again` is in minutes."""
    with_policy(toys)
    policy = toys.root / "alerts.yml"
    rule = "\n".join(f"    {line}" for line in ("mode: auto", "incident: true", *more))
    policy.write_text(policy.read_text().replace("    mode: auto", rule))
    settings = toys.root / "pyproject.toml"
    settings.write_text(f"{settings.read_text()}look_again_minutes = {again}\n")
    return toys


@contextmanager
def served(toys: ToyFleet) -> Iterator[TestClient]:
    """Serve a fleet, with clocks that tick each second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starter, "_EVERY", 0.2)
        patch.setattr(service, "_EVERY_15_SECONDS", "* * * * * *")
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        with (
            service.serving(toys.project, options=Options(hold=0), connect=toys.connect, poll_seconds=0.05) as server,
            TestClient(server.config.app) as client,  # type: ignore[arg-type]
        ):
            yield client


def send(client: TestClient, host: str = "toy0", status: str = "firing", **labels: str) -> None:
    sent = client.post("/alerts/alertmanager", content=group(firing(host, status, **labels)), headers=BEARER)
    assert sent.status_code == 202


def incidents(project: Project) -> tuple[Incident, ...]:
    with IncidentStore.open(project.journal(), project=project.identity()) as store:
        return store.incidents()


def only(toys: ToyFleet) -> Incident:
    (incident,) = incidents(toys.project)
    return incident


class Server:
    """A process that serves a fleet until it is killed."""

    def __init__(self, toys: ToyFleet, state: Path, *alerts: str) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(["support.toy_following"])
        self._process = context.Process(target=_serve, args=(str(toys.directory), str(state), alerts))
        self._process.start()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(directory: str, state: str, alerts: tuple[str, ...]) -> None:
    os.environ["REMEDIATE_STATE_DIR"] = state
    fleet = ToyFleet(Path(directory), len(list(Path(directory).glob("toy*"))))
    with served(fleet) as client:
        for status in alerts:
            send(client, status=status)
        time.sleep(600)
