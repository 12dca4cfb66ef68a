"""Truth tables: causes of failing payments that need a person or another playbook."""

import re
from itertools import product

import pytest

from remediate.core.facts import Facts
from remediate.core.host import Settings
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.probes.configuration import Configuration, ConfigurationState, EnvState
from remediate.probes.queue import FailedJobs, QueueFlow, QueueFlowState, Retried, StoreTrouble
from remediate.probes.queue_motion import QueueMotion, QueueMotionState
from remediate.probes.supervisor import Workers
from remediate.probes.webhook import Webhook, WebhookDelivery, WebhookState
from remediate.remedies.payments import CheckEndpoint, DecideJobs, JobsFlow, ResendEvents, TellSecret
from support import daily_examples as exd
from support import examples as ex
from support import payment_examples as pay
from support.hosts import host_with
from support.toys import LOST, Known, decide

PATH = "/home/forge/agency-platform"
KEY = "services.stripe.webhook_secret"
LINK = "https://dashboard.stripe.com/webhooks"
SETTINGS = {
    "php": "php8.2",
    "app_path": PATH,
    "site_url": "https://example.com/",
    "webhook_path": "/webhooks/stripe",
    "worker_program": "agency-worker",
    "links": {"payments_dashboard": LINK},
    "payments": {
        "harmless_event": "ping.test",
        "jobs": [{"name": pay.RECORDS, "idempotent": True}, {"name": pay.CHARGES}],
    },
}
HOST = host_with(SETTINGS)
FLOWS, ENDPOINT, SECRET, DECIDE, RESEND = (
    JobsFlow.on(HOST),
    CheckEndpoint.on(HOST),
    TellSecret.on(HOST),
    DecideJobs.on(HOST),
    ResendEvents.on(HOST),
)
WEBHOOK = ENDPOINT.webhook
CONFIG = Configuration(php="php8.2", path=PATH, user="forge")
FAILED = FailedJobs(php="php8.2", path=PATH, user="forge", classes=(pay.RECORDS, pay.CHARGES))
FLOW, WORKERS = QueueFlow(php="php8.2", path=PATH, user="forge"), Workers(program="agency-worker")
MOTION = QueueMotion(php="php8.2", path=PATH, user="forge", others=False)
WELL: Known = {
    FAILED: pay.failed_jobs(),
    FLOW: pay.QUEUE,
    WORKERS: ex.workers("RUNNING"),
    MOTION: exd.motion(),
}

CACHED = ConfigurationState(cached=True, env=EnvState.SOUND, message="", differs=(), external=())
OLDER = CACHED.model_copy(update={"differs": (KEY, "app.debug")})
OTHER = CACHED.model_copy(update={"differs": ("app.debug",)})


def said(remedy: CheckEndpoint | TellSecret | DecideJobs | ResendEvents | JobsFlow, given: Known) -> str:
    return remedy.guard(Facts(given)).reason


# -- the endpoint ------------------------------------------------------------------------------------------------------

SILENT = pay.webhook().model_copy(update={"wrong": WebhookDelivery(status=0, error=28)})
ENDPOINTS: dict[str, tuple[WebhookState, str]] = {
    "right": (pay.webhook(), "skip"),
    "only refuses": (pay.webhook(400, None), "skip"),
    "refuses the provider": (pay.webhook(events=pay.delivered(refused=2)), "skip"),
    "silent": (SILENT, "app-down"),
    "gateway": (pay.webhook(502, 502), "app-down"),
    "throws": (pay.webhook(500, 500), "endpoint-broken"),
    "gone": (pay.webhook(404, 404), "endpoint-broken"),
    "no post": (pay.webhook(405, 405), "endpoint-broken"),
    "csrf": (pay.webhook(419, 419), "endpoint-broken"),
    "moved": (pay.webhook(301, 301), "endpoint-broken"),
    "limited": (pay.webhook(429, 429), "endpoint-broken"),
    "odd": (pay.webhook(418, 418), "endpoint-broken"),
    "rejects": (pay.webhook(400, 400), "endpoint-broken"),
    "accepts anything": (pay.webhook(200, 200), "signature-unchecked"),
    "no secret": (pay.webhook(400, None, secret=False), "secret-unset"),
}


@pytest.mark.parametrize("state", ENDPOINTS)
def test_every_endpoint(state: str) -> None:
    fact, expected = ENDPOINTS[state]
    assert decide(ENDPOINT, {WEBHOOK: fact}) == expected
    assert decide(ENDPOINT, {WEBHOOK: LOST}) == "unreadable"


def test_what_is_said_of_an_endpoint() -> None:
    assert "run `fix.app-down` first" in said(ENDPOINT, {WEBHOOK: SILENT})
    assert "php artisan route:cache" in said(ENDPOINT, {WEBHOOK: pay.webhook(404, 404)})
    unset = said(ENDPOINT, {WEBHOOK: pay.webhook(400, None, secret=False)})
    assert unset == (
        "the webhook has no signing secret: only a person sees the provider's secret; give it to "
        f"`do.env.set --key STRIPE_WEBHOOK_SECRET --value-from stdin`: {LINK}"
    )


# -- the secret --------------------------------------------------------------------------------------------------------

EVENTS = {
    "no log": (None, "skip"),
    "none": (pay.delivered(), "skip"),
    "accepted": (pay.delivered(accepted=3), "skip"),
    "failed": (pay.delivered(failed=3), "skip"),
    "refused before": (pay.delivered(missed=3), "skip"),
    "refused": (pay.delivered(refused=3), "secret-differs"),
    "refused after others": (pay.delivered(accepted=9, refused=1), "secret-differs"),
}
CONFIGS: dict[str, Fact | Unreadable] = {"same": CACHED, "older": OLDER, "other key": OTHER, "unknown": LOST}


@pytest.mark.parametrize(("events", "config"), list(product(EVENTS, CONFIGS)))
def test_every_secret(events: str, config: str) -> None:
    state, expected = EVENTS[events]
    if expected != "skip":
        expected = {"older": "skip", "unknown": "unreadable"}.get(config, expected)
    assert decide(SECRET, {WEBHOOK: pay.webhook(events=state), CONFIG: CONFIGS[config]}) == expected
    assert decide(SECRET, {WEBHOOK: LOST, CONFIG: CONFIGS[config]}) == "unreadable"


def test_what_is_said_of_a_secret() -> None:
    assert said(SECRET, {WEBHOOK: pay.webhook(events=pay.delivered(refused=3)), CONFIG: CACHED}) == (
        "3 events of the provider were refused, the last at 2026-11-23 14:31:23Z, though what the application signs is "
        "accepted: only a person sees the provider's secret; give it to "
        f"`do.env.set --key STRIPE_WEBHOOK_SECRET --value-from stdin`: {LINK}"
    )


# -- jobs that are left ------------------------------------------------------------------------------------------------

CHARGE, OLD = pay.failed_job(1, pay.CHARGES), pay.failed_job(2, hours=25)
LEFT = {
    "none": ((), "skip"),
    "ready": ((pay.failed_job(3),), "skip"),
    "again": ((pay.failed_job(3, retried=Retried.AGAIN),), "skip"),  # the remedy that retries speaks of it
    "charge": ((CHARGE, pay.failed_job(3)), "not-idempotent"),
    "old": ((OLD,), "too-old"),
    "interrupted": ((pay.failed_job(3, retried=Retried.INTERRUPTED),), "interrupted"),
    "elsewhere": ((pay.failed_job(3, queue="slow"),), "queue-unknown"),
    "several": ((OLD, CHARGE, pay.failed_job(3, queue="slow")), "not-idempotent"),
}


@pytest.mark.parametrize("jobs", LEFT)
def test_every_job_that_is_left(jobs: str) -> None:
    given, expected = LEFT[jobs]
    assert decide(DECIDE, {FAILED: pay.failed_jobs(*given)}) == expected


def test_what_is_said_of_jobs() -> None:
    text = said(DECIDE, {FAILED: pay.failed_jobs(OLD, CHARGE)})
    assert text == (
        rf"{CHARGE.id} (App\Jobs\ChargeCustomer, 0 h old, PDOException) must not be run twice, says the inventory "
        f"(the first of 2 that are left); a person decides: `php artisan queue:retry ID` or `queue:forget ID`: {LINK}"
    )


def test_where_no_class_is_declared_nothing_is_left_to_anybody() -> None:
    none = DECIDE.model_copy(update={"jobs": ()})
    everything = FAILED.model_copy(update={"classes": ()})
    assert decide(none, {everything: pay.failed_jobs(CHARGE).model_copy(update={"asked": False})}) == "skip"


# -- the flow of jobs, and what was not delivered ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "skip"),
        ({FLOW: QueueFlowState(trouble=StoreTrouble.REFUSED)}, "cache-down"),
        ({FLOW: QueueFlowState(trouble=StoreTrouble.FULL), WORKERS: ex.workers("FATAL")}, "cache-down"),
        ({WORKERS: ex.workers("FATAL", "RUNNING")}, "app-down"),
        ({WORKERS: ex.NO_DAEMON}, "app-down"),
        ({FAILED: pay.failed_jobs().model_copy(update={"trouble": StoreTrouble.DENIED})}, "database-down"),
        ({MOTION: exd.stuck(7, stopped=False)}, "app-down"),
        ({MOTION: exd.motion(exd.STANDING, seconds=10)}, "app-down"),
        ({MOTION: QueueMotionState(trouble=StoreTrouble.LOADING)}, "cache-down"),
        *(({probe: LOST}, "unreadable") for probe in (FLOW, WORKERS, FAILED, MOTION)),
    ],
)
def test_every_flow(change: Known, expected: str) -> None:
    assert decide(FLOWS, {**WELL, **change}) == expected


@pytest.mark.parametrize(
    ("events", "expected", "words"),
    [
        (None, "skip", f"look for failed events at the provider's: {LINK}"),
        (pay.delivered(accepted=3), "skip", "the provider's last event was accepted"),
        (pay.delivered(), "skip", "no event is known to be missed"),
        (pay.delivered(missed=3), "human-step", f"3 events .* not accepted, the last at 2026.* none since.*{LINK}"),
        (pay.delivered(complete=False), "skip", "no event is known to be missed"),
        (
            pay.delivered(failed=3),
            "human-step",
            f"none since: it sends them again by itself for three days, or .*{LINK}",
        ),
        (pay.delivered(refused=3), "skip", "3 events of the provider were not accepted"),
    ],
)
def test_every_undelivered_event(events: object, expected: str, words: str) -> None:
    given: Known = {WEBHOOK: pay.webhook().model_copy(update={"events": events})}
    assert decide(RESEND, given) == expected
    assert re.search(words, said(RESEND, given))


def test_what_needs_a_person_is_said_as_such() -> None:
    assert decide(SECRET, {WEBHOOK: pay.webhook(), CONFIG: CACHED}) == "skip"
    refused: Known = {WEBHOOK: pay.webhook(events=pay.delivered(refused=1)), CONFIG: CACHED}
    assert "only a person" in said(SECRET, refused)


def test_without_an_inventory_of_payments_the_defaults_of_the_runbook_hold() -> None:
    less = {name: value for name, value in SETTINGS.items() if name not in {"payments", "links", "worker_program"}}
    host = HOST.model_copy(update={"settings": Settings.model_validate(less)})
    assert DecideJobs.on(host) == DecideJobs(php="php8.2", path=PATH)
    assert (TellSecret.on(host).secret, TellSecret.on(host).secret_env) == (KEY, "STRIPE_WEBHOOK_SECRET")
    assert isinstance(CheckEndpoint.on(host).webhook, Webhook)
    assert JobsFlow.on(host).probes() == (FAILED.model_copy(update={"classes": ()}), FLOW, MOTION)


EXAMPLES = {
    "payments.flow": (
        FLOWS,
        {**WELL, FLOW: QueueFlowState(trouble=StoreTrouble.REFUSED)},
        WELL,
        ({**WELL, WORKERS: ex.NO_DAEMON}, {**WELL, WORKERS: ex.workers("STARTING")}, {**WELL, FAILED: LOST}),
    ),
    "payments.endpoint": (
        ENDPOINT,
        {WEBHOOK: pay.webhook(404, 404)},
        {WEBHOOK: pay.webhook()},
        tuple({WEBHOOK: state} for state, _ in ENDPOINTS.values()),
    ),
    "payments.secret": (
        SECRET,
        {WEBHOOK: pay.webhook(events=pay.delivered(refused=1)), CONFIG: CACHED},
        {WEBHOOK: pay.webhook(), CONFIG: CACHED},
        tuple({WEBHOOK: pay.webhook(events=state), CONFIG: OLDER} for state, _ in EVENTS.values()),
    ),
    "payments.jobs": (
        DECIDE,
        {FAILED: pay.failed_jobs(CHARGE)},
        {FAILED: pay.failed_jobs()},
        tuple({FAILED: pay.failed_jobs(*jobs)} for jobs, _ in LEFT.values()),
    ),
    "payments.resend": (
        RESEND,
        {WEBHOOK: pay.webhook(events=pay.delivered(failed=1))},
        {WEBHOOK: pay.webhook(events=pay.delivered(accepted=1))},
        ({WEBHOOK: LOST}, {WEBHOOK: pay.webhook()}),
    ),
}
"""For the contract of every remedy: on what it speaks up, on what it has nothing to say, and what else it must bear."""
