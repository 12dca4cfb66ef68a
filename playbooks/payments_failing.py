"""Customers cannot pay, or their payments do not arrive (runbook 4.4)."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import SecretStr

from remediate.core.host import Host, Payments
from remediate.core.playbook import Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.errors import ConfigurationError
from remediate.probes.descendants import ConfigurationOfWorkers
from remediate.probes.queue import FailedJobs, QueueFlow
from remediate.probes.queue_motion import QueueMotion
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.webhook import Webhook
from remediate.remedies.configuration import CacheConfig, SetEnv
from remediate.remedies.laravel import EndMaintenance
from remediate.remedies.opcache import ReloadPhpFpm
from remediate.remedies.payments import CheckEndpoint, DecideJobs, JobsFlow, ResendEvents, TellSecret
from remediate.remedies.queue import RetryJobs
from remediate.remedies.single import SingleRemedy
from remediate.remedies.workers import RestartWorkers

if TYPE_CHECKING:
    from remediate.rehearsal.case import Case


def _webhook(host: Host) -> Webhook:
    webhook = Webhook.of(host)
    if webhook is None:
        raise ConfigurationError(
            f"{host.name}: remediate.site_url, webhook_path and app_path are needed to tell whether payments arrive"
        )
    return webhook


def _symptoms(host: Host) -> Iterator[Probe[Fact]]:
    settings, payments = host.settings, host.settings.payments or Payments()
    yield _webhook(host)
    app = {"php": settings.php, "path": settings.app_path, "user": settings.app_user}
    if payments.jobs:
        yield FailedJobs.model_validate({**app, "classes": tuple(job.name for job in payments.jobs)})
    yield QueueFlow.model_validate({**app, "queues": payments.queues})
    if (motion := QueueMotion.of_payments(host)) is not None:
        yield motion
    if settings.worker_program is not None:
        yield Workers(program=settings.worker_program)
        yield ConfigurationOfWorkers.model_validate({"path": settings.app_path, "user": settings.app_user})


def _diagnosis(host: Host) -> Iterator[Probe[Fact]]:
    if host.settings.worker_program is not None:
        yield OrphanWorkers()


def _rehearsal(host: Host) -> "Iterator[Case]":
    from remediate.playbooks.app_down import app_down
    from remediate.playbooks.cache_down import cache_down
    from remediate.rehearsal import faults
    from remediate.rehearsal.case import FollowUp, cured, refused, unclaimed

    settings = host.settings
    if settings.php is None or settings.app_path is None or settings.worker_program is None:
        raise ConfigurationError(f"{host.name}: a rehearsal needs remediate.php, app_path and worker_program")
    app, program, url = settings.app_path, settings.worker_program, _webhook(host).url
    failed = faults.JobsFailed(php=settings.php, path=app)
    secret = faults.SecretChanged(path=app, program=program, url=url)
    route = faults.RouteBroken(path=app, url=url)
    needs = (program, "supervisor", "redis-server", "mariadb", f"{settings.php}-fpm", settings.nginx_unit)

    yield cured("jobs-failed", failed.model_copy(update={"recorded": 12}), "queue.retry", needs=needs)
    yield cured("secret-not-cached", secret, "config.cache", "worker.restart", needs=needs)

    charging, old = failed.model_copy(update={"charges": 2}), failed.model_copy(update={"recorded": 2, "hours": 30})
    interrupted = failed.model_copy(update={"recorded": 2, "claimed": True})
    artisan = f"runuser -u {settings.app_user} -- {settings.php} {app}/artisan"
    ids = f"for id in $(mariadb -NBe 'SELECT uuid FROM failed_jobs' {failed.database})"  # noqa: S608
    forget = FollowUp("queue:forget ID", script=f"{ids}; do {artisan} queue:forget $id; done")
    retry = FollowUp("queue:retry ID", script=f"{ids}; do {artisan} queue:retry $id; done; sleep 3")
    yield refused("jobs-charging", charging, "not-idempotent", needs=needs, then=forget)
    yield refused("jobs-old", old, "too-old", needs=needs, then=retry)
    yield refused("jobs-interrupted", interrupted, "interrupted", needs=needs, then=forget)
    given = SingleRemedy(SetEnv, (("key", secret.key), ("value", SecretStr("whsec_of_the_rehearsal"))))
    tell = FollowUp(f"do.env.set --key {secret.key}", by=given)
    told = secret.model_copy(update={"in_env": False})
    yield refused("secret-of-the-provider", told, "secret-differs", needs=needs, then=tell)
    deploy = FollowUp("look at the last deploy", script=route.mending())
    yield refused("route-gone", route, "endpoint-broken", needs=needs, then=deploy)
    get, throws = (route.model_copy(update={"how": how}) for how in ("get", "throws"))
    yield refused("route-takes-get", get, "endpoint-broken", needs=needs, then=deploy)
    read = FollowUp("its log says why", script=route.mending())
    yield refused("route-throws", throws, "endpoint-broken", needs=needs, then=read)
    stopped, first = faults.WorkersStopped(program=program), FollowUp("fix.app-down", by=app_down)
    yield refused("workers-stopped", stopped, "app-down", needs=needs, then=first)
    redis = faults.StoreStopped(unit="redis-server", program=program)
    before = FollowUp("fix.cache-down", by=cache_down)
    yield refused("redis-stopped", redis, "cache-down", needs=needs, then=before)

    mixed = failed.model_copy(update={"recorded": 3, "charges": 1})
    yield unclaimed("jobs-mixed", mixed, "not-idempotent")
    yield unclaimed("jobs-poisoned", failed.model_copy(update={"poison": 1, "recorded": 3}))


def _runbook(host: Host) -> Iterator[str]:
    settings = host.settings
    artisan = f"runuser -u {settings.app_user} -- {settings.php} {settings.app_path}/artisan"
    yield f"{artisan} queue:retry all"
    yield f"{artisan} config:cache"


@playbook(
    severity=Severity.SEV1,
    symptoms=_symptoms,
    diagnosis=_diagnosis,
    rehearsal=_rehearsal,
    runbook=_runbook,
)
def payments_failing(host: Host) -> Iterable[Remedy]:
    """Make payments arrive again: failing webhooks, failed payment jobs (runbook 4.4, SEV-1).

    The incident is over when all of these hold. The webhook refuses a wrongly signed event and accepts a rightly signed
    one. No event of the provider's own waits to be accepted. The queues of payments answer and move, and their workers
    have the configuration in use. No failed job of a payment is left, not even one that only a person may decide about.
    After a change of the secret this stays unknown until the provider has sent another event, because our own events
    are signed with the application's secret.

    Where this departs from the runbook's letter: `curl -I` on a healthy webhook gives 405. So two events are delivered
    instead, signed on the host.

    `queue:retry all` charges customers again, retries what fails again, and counts queued jobs as done. Here a job is
    retried only when the inventory declares its class idempotent and it is young enough. Jobs are retried by id, one
    first, then ten at a time, until the first one fails again.

    `config:cache` is built next to the one in use, only when the secret in .env differs, and the workers take it too.
    Only a person knows a secret that the provider has changed. The provider's dashboard is a step for a person; the
    provider resends failed events by itself for three days.

    What remains: Laravel pushes a job and then deletes its row among the failed jobs. A crash of the host between the
    two leaves a marked row. It is never pushed again, and a person has to find out whether the job has run.
    """
    webhook = _webhook(host)
    secret = (host.settings.payments or Payments()).secret
    yield EndMaintenance.on(host)
    yield JobsFlow.on(host)
    # Without a log of the answers to the provider, only the difference itself shows that .env is meant to be used now.
    failing = (webhook,) if webhook.access_log is not None else ()
    yield CacheConfig.on(host, about=(secret,), failing=failing)
    yield ReloadPhpFpm.on(host)
    if host.settings.worker_program is not None:
        yield RestartWorkers.on(host, queue=None)
    yield CheckEndpoint.on(host)
    yield TellSecret.on(host)
    yield RetryJobs.on(host)
    yield DecideJobs.on(host)
    yield ResendEvents.on(host)
