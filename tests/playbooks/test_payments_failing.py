"""payments-failing from the first look to the verdict, on a scripted host."""

import json

import pytest

from remediate.core.command import Output
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.engine.judge import RULES
from remediate.errors import ConfigurationError, Unreadable
from remediate.playbooks.payments_failing import payments_failing
from remediate.probes.configuration import CachedConfig, Configuration, EnvFile
from remediate.probes.descendants import ConfigurationOfWorkers, Descendants
from remediate.probes.opcache import Opcache
from remediate.probes.queue import (
    FailedJob,
    FailedJobs,
    FailedJobsState,
    QueueFlow,
    QueueFlowState,
    Retried,
    StoreTrouble,
)
from remediate.probes.queue_motion import QueueMotion
from remediate.probes.sudo import SudoRule, SudoRules
from remediate.probes.webhook import Webhook, WebhookState
from remediate.testing import play
from support import daily_examples as exd
from support import examples as ex
from support import payment_examples as pay
from support.incidents import APP, DEPLOY, FPM, FPM_CONFIG, ORPHANS, PATH, WORKERS, host, working
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

HOST = host(
    webhook_path="/webhooks/stripe",
    links={"payments_dashboard": "https://dashboard.stripe.com/webhooks"},
    payments={
        "harmless_event": "ping.test",
        "access_log": "/var/log/nginx/webhooks.log",
        "jobs": [{"name": pay.RECORDS, "idempotent": True}, {"name": pay.CHARGES}],
    },
)
FAILED = FailedJobs(php="php8.2", path=PATH, user="forge", classes=(pay.RECORDS, pay.CHARGES))
FLOW = QueueFlow(php="php8.2", path=PATH, user="forge")
MOTION = QueueMotion(php="php8.2", path=PATH, user="forge", others=False)
CONFIG, CACHED = Configuration(php="php8.2", path=PATH, user="forge"), CachedConfig(path=PATH, user="forge")
CHILDREN = Descendants(path=PATH, user="forge", unit="supervisor")
OF_WORKERS = ConfigurationOfWorkers(path=PATH, user="forge")
KEY = "services.stripe.webhook_secret"


def webhook() -> Webhook:
    found = Webhook.of(HOST)
    assert found is not None
    return found


WEBHOOK = webhook()
LOST = Unreadable("not now")


def configuration(*differs: str) -> Output:
    told = {"cached": True, "env": "sound", "message": "", "differs": differs, "external": []}
    return Output(stdout=f"\nremediate:{json.dumps(told)}\n")


def children(state: str) -> Output:
    arguments = f"/usr/bin/php8.2 {PATH}/artisan queue:work redis"
    return Output(stdout=f"101 5001 {state} forge {PATH} {arguments}\n")


def webhooks(*, wrong: int = 400, right: int = 200, **events: int) -> WebhookState:
    return pay.webhook(wrong, right, events=pay.delivered(complete=True, **events))


WELL: Changes = {
    WEBHOOK: webhooks(accepted=2),
    FAILED: pay.failed_jobs(),
    FLOW: pay.QUEUE,
    MOTION: exd.motion(judged=("default",)),
    CONFIG: configuration(),
    EnvFile(path=PATH, user="forge"): Output(stdout=f"{'a' * 64}  {PATH}/.env\n"),
    CACHED: Output(stdout="1 10 1795444283.1"),
    CHILDREN: children("fresh"),
    OF_WORKERS: children("fresh"),
    Descendants(path=PATH, user="forge", unit="php8.2-fpm"): Output(),
    Opcache(php="php8.2"): Output(stdout="PHP Version => 8.2.29\nopcache.validate_timestamps => On => On\n"),
    FPM: ex.RUNNING,
    FPM_CONFIG: ex.SOUND,
    APP: ex.APP,
    DEPLOY: ex.NO_DEPLOY,
    ORPHANS: ex.NO_STRAYS,
    **working("RUNNING", "RUNNING"),
}


def run(session: FactSession, **options: object) -> HostOutcome:
    return play(
        payments_failing, session, host=HOST, options=Options.model_validate({"hold": 0, "yes": True, **options})
    )


def said(outcome: HostOutcome) -> tuple[str, str | None, list[str]]:
    changed = [step.remedy for step in outcome.steps if step.changed]
    return outcome.verdict.value, outcome.error.code if outcome.error else None, changed


READY = (pay.failed_job(1), pay.failed_job(2))


def test_a_healthy_host_is_asked_once_and_left_alone() -> None:
    session = FactSession(WELL)
    assert said(run(session)) == ("healthy", None, [])
    assert (session.execs, session.acts) == (1, [])


def test_failed_jobs_are_retried() -> None:
    session = FactSession({**WELL, FAILED: pay.failed_jobs(*READY)}, {FAILED: pay.failed_jobs()})
    assert said(run(session)) == ("fixed", None, ["queue.retry"])
    (retry,) = session.ran
    assert retry.stdin is not None
    assert retry.stdin.get_secret_value().split() == [job.id for job in READY]


def test_a_plan_names_them_and_shows_no_program() -> None:
    session = FactSession({**WELL, FAILED: pay.failed_jobs(*READY)})
    outcome = run(session, plan=True)
    assert said(outcome)[0] == "pending"
    (step,) = [step for step in outcome.steps if step.decision.value == "proceed"]
    assert (step.remedy, step.why[:28]) == ("queue.retry", "2 failed jobs may be retried")


def test_what_may_not_run_twice_is_left_and_the_host_is_not_called_mended() -> None:
    charge = pay.failed_job(3, pay.CHARGES)
    session = FactSession({**WELL, FAILED: pay.failed_jobs(*READY, charge)}, {FAILED: pay.failed_jobs(charge)})
    outcome = run(session)
    assert said(outcome) == ("not_fixed", "symptom-persists", ["queue.retry"])
    assert [step.code for step in outcome.steps if step.code] == ["not-idempotent"]
    (retry,) = session.ran
    assert retry.stdin is not None
    assert charge.id not in retry.stdin.get_secret_value()


@pytest.mark.parametrize(
    ("jobs", "code"),
    [
        ((pay.failed_job(3, pay.CHARGES),), "not-idempotent"),
        ((pay.failed_job(1, hours=24),), "too-old"),
        ((pay.failed_job(1, retried=Retried.INTERRUPTED),), "interrupted"),
        ((pay.failed_job(1, retried=Retried.AGAIN), pay.failed_job(2)), "fails-again"),
        ((pay.failed_job(1, queue="slow"),), "queue-unknown"),
    ],
)
def test_what_a_person_has_to_decide_is_refused(jobs: tuple[FailedJob, ...], code: str) -> None:
    session = FactSession({**WELL, FAILED: pay.failed_jobs(*jobs)})
    assert said(run(session)) == ("refused", code, [])
    assert session.ran == []


def test_a_job_that_fails_again_stops_everything() -> None:
    left = pay.failed_jobs(pay.failed_job(1, retried=Retried.AGAIN), pay.failed_job(2))
    session = FactSession({**WELL, FAILED: pay.failed_jobs(*READY)}, {FAILED: left})
    outcome = run(session)
    assert said(outcome) == ("not_fixed", "not-verified", ["queue.retry"])
    # The next run leaves them, until somebody says that what they failed with is mended.
    assert said(run(FactSession({**WELL, FAILED: left}))) == ("refused", "fails-again", [])
    mended = FactSession({**WELL, FAILED: left}, {FAILED: pay.failed_jobs()})
    assert said(run(mended, overrides={"fails-again": "deployed the fix"})) == ("fixed", None, ["queue.retry"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({FLOW: QueueFlowState(trouble=StoreTrouble.REFUSED), **working("FATAL", "FATAL")}, "cache-down"),
        ({FAILED: FailedJobsState(trouble=StoreTrouble.REFUSED, asked=True)}, "database-down"),
        ({WORKERS: ex.workers("STOPPED", "STOPPED")}, "app-down"),
        ({WORKERS: ex.NO_DAEMON}, "app-down"),
        ({WEBHOOK: webhooks(wrong=502, right=502)}, "app-down"),
        ({WEBHOOK: webhooks(wrong=404, right=404)}, "endpoint-broken"),
        ({WEBHOOK: webhooks(wrong=200)}, "signature-unchecked"),
        ({WEBHOOK: webhooks(refused=3)}, "secret-differs"),
        ({WEBHOOK: webhooks(failed=3)}, "human-step"),
        ({WEBHOOK: webhooks(missed=3)}, "human-step"),
        ({APP: ex.IN_MAINTENANCE, WEBHOOK: webhooks(wrong=503, right=503)}, "maintenance-mode"),
    ],
)
def test_what_is_not_its_business_is_named(change: Changes, code: str) -> None:
    for jobs in (pay.failed_jobs(), pay.failed_jobs(*READY)):
        state: Changes = {**WELL, FAILED: jobs, **change}
        outcome = run(FactSession(state, {FAILED: pay.failed_jobs()}))
        assert code in {step.code for step in outcome.steps}
        # A broken endpoint does not keep jobs from being retried; what they would run into does.
        retried = (
            jobs.jobs and code not in {"cache-down", "database-down", "maintenance-mode"} and WORKERS not in change
        )
        assert said(outcome)[2] == (["queue.retry"] if retried and FAILED not in change else [])
        assert outcome.verdict is not RunVerdict.FIXED
        assert outcome.verdict is not RunVerdict.HEALTHY


OLDER: Changes = {**WELL, WEBHOOK: webhooks(refused=3), CONFIG: configuration(KEY)}
TAKEN: Changes = {
    CONFIG: configuration(),
    CACHED: Output(stdout="2 10 1795449999.1"),
    CHILDREN: children("stale"),
    OF_WORKERS: children("stale"),
    WEBHOOK: webhooks(missed=3),
}
RENEWED: Changes = {
    CHILDREN: children("fresh"),
    OF_WORKERS: children("fresh"),
    **working("RUNNING", "RUNNING", pid=20001),
}


def test_a_secret_that_was_written_and_not_cached() -> None:
    session = FactSession(OLDER, TAKEN, {**RENEWED, WEBHOOK: webhooks(accepted=1)})
    assert said(run(session)) == ("fixed", None, ["config.cache", "worker.restart"])


def test_a_secret_that_may_be_mistyped_is_unknown_until_the_provider_has_come_again() -> None:
    outcome = run(FactSession(OLDER, TAKEN, RENEWED))
    assert said(outcome) == ("unknown", "unreadable", ["config.cache", "worker.restart"])
    resend = next(step for step in outcome.steps if step.remedy == "payments.resend")
    assert (resend.code, resend.why[:43]) == ("human-step", "3 events of the provider were not accepted,")


def test_workers_that_keep_the_old_configuration_are_not_called_mended() -> None:
    rules = SudoRules(user="ops", rules=(SudoRule(run_as=("forge",), command="ALL", password=False),))
    older: Changes = {**OLDER, RULES: rules}
    outcome = run(FactSession(older, {**TAKEN, WEBHOOK: webhooks(accepted=1)}, {}))
    assert said(outcome) == ("not_fixed", "symptom-persists", ["config.cache"])
    assert "sudo-rule-missing" in {step.code for step in outcome.steps if step.remedy == "worker.restart"}


def test_an_edit_of_the_secret_is_left_while_the_provider_is_accepted() -> None:
    session = FactSession({**WELL, CONFIG: configuration(KEY)})
    assert said(run(session)) == ("healthy", None, [])


def test_payments_that_no_worker_takes_are_not_called_well_and_other_queues_are_left_to_app_down() -> None:
    workers = (exd.worker(queues=("mails",)),)
    stuck = FactSession({**WELL, MOTION: exd.motion(exd.STANDING, workers=workers, seconds=10, judged=("default",))})
    assert said(run(stuck)) == ("refused", "app-down", [])
    other = exd.STANDING.model_copy(update={"name": "reports"})
    well = FactSession({**WELL, MOTION: exd.motion(other, workers=workers, seconds=10, judged=("default",))})
    assert said(run(well)) == ("healthy", None, [])


@pytest.mark.parametrize("probe", [WEBHOOK, FAILED, FLOW, MOTION, WORKERS])
def test_what_cannot_be_read_is_never_healthy(probe: Webhook) -> None:
    assert said(run(FactSession({**WELL, probe: LOST}))) == ("refused", "unreadable", [])


def test_without_a_webhook_nothing_can_tell() -> None:
    with pytest.raises(ConfigurationError, match="webhook_path and app_path are needed"):
        payments_failing(host(webhook_path=None))


def test_where_no_class_is_declared_failed_jobs_are_no_symptom() -> None:
    host_plan = payments_failing(host(webhook_path="/webhooks/stripe"))
    assert [probe.kind for probe in host_plan.symptoms] == [
        *("webhook.endpoint", "queue.flow", "queue.motion"),
        *("supervisor.workers", "processes.configuration-of-workers"),
    ]
