"""Healthy hosts, which every playbook leaves alone after one look."""

import pytest

from remediate.core.host import Host
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.playbook import Playbook
from remediate.core.verdict import Decision
from remediate.engine.judge import CLOCK
from remediate.playbooks.app_down import app_down
from remediate.playbooks.cache_down import cache_down
from remediate.playbooks.certificate_expiry import certificate_expiry
from remediate.playbooks.database_down import database_down
from remediate.playbooks.high_load import high_load
from remediate.testing import play
from support import (
    cache_incidents,
    certificate_examples,
    certificate_incidents,
    database_incidents,
    incidents,
    load_incidents,
)
from support.scripted import Changes, FactSession

GOOD, LOGS = certificate_incidents.GOOD, [load_incidents.ACCESS, load_incidents.LARAVEL]


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    ("playbook", "host", "healthy"),
    [
        (app_down, incidents.HOST, incidents.HEALTHY),
        (cache_down, cache_incidents.HOST, cache_incidents.printed(cache_incidents.HEALTHY)),
        (certificate_expiry, certificate_incidents.HOST, certificate_incidents.having(GOOD)),
        (
            certificate_expiry,
            certificate_incidents.HOST,
            {
                **certificate_incidents.having(certificate_examples.certificate(left=31)),
                **certificate_incidents.serving(GOOD),
            },
        ),
        (database_down, database_incidents.HOST, database_incidents.WELL),
        (high_load, incidents.host(log_paths=LOGS, worker_program=None), load_incidents.CALM),
    ],
)
def test_a_healthy_host_is_left_alone_after_one_look(playbook: Playbook, host: Host, healthy: Changes) -> None:
    assert {probe for probe in playbook(host).probes() if probe not in healthy} <= {CLOCK}, "state every answer"
    session = FactSession(healthy)
    outcome = play(playbook, session, host=host)
    assert (outcome.verdict, outcome.touched, session.execs, session.acts) == (RunVerdict.HEALTHY, Touched.NO, 1, [])
    assert {step.decision for step in outcome.steps} == {Decision.SKIP}
    assert outcome.severity is None
