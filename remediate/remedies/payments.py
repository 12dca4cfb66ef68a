"""Causes of failing payments that need a person, with the command or the page."""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.field_types import ConfigKey, EnvKey, QueueName
from remediate.core.host import Host, PaymentJob, Payments
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import RefusalCode, Verdict, refuse, skip, wait
from remediate.errors import Unreadable
from remediate.probes.configuration import Configuration
from remediate.probes.queue import FailedJob, FailedJobs
from remediate.probes.queue_motion import QueueMotion
from remediate.probes.webhook import Webhook, WebhookTrouble
from remediate.remedies.application import OfApplication, stated
from remediate.remedies.human import HUMAN_STEP, HumanTask
from remediate.remedies.queue import APP_DOWN, CACHE_DOWN, DATABASE_DOWN, Fate, OfJobs, fate, stopped_flow

ENDPOINT_BROKEN = RefusalCode(
    name="endpoint-broken",
    meaning="The webhook answers its provider with an error.",
    advice="fix the route, its controller or its server, then run this again",
)
SIGNATURE_UNCHECKED = RefusalCode(
    name="signature-unchecked",
    meaning="The webhook accepts unsigned events: anyone could report a payment.",
    advice="take the webhook offline, or make it check signatures",
)
SECRET_UNSET = RefusalCode(
    name="secret-unset",
    meaning="The application has no secret for checking signatures.",
    advice="set the provider's secret in .env as shown above",
)
SECRET_DIFFERS = RefusalCode(
    name="secret-differs",
    meaning="The provider signs with another secret than the application has: a person has to enter it.",
    advice="set the provider's secret in .env as shown above",
)
NOT_IDEMPOTENT = RefusalCode(
    name="not-idempotent",
    meaning="A failed job must not be run twice: a person decides.",
    advice="decide: `php artisan queue:retry ID` or `queue:forget ID`, then run this again",
)
TOO_OLD = RefusalCode(
    name="too-old",
    meaning="A failed job is too old to be retried without asking.",
    advice="decide: `php artisan queue:retry ID` or `queue:forget ID`, then run this again",
)
INTERRUPTED = RefusalCode(
    name="interrupted",
    meaning="A retry was interrupted at this job: it may or may not have run, and a person has to find out.",
    advice="find out if it has run, then `php artisan queue:retry ID` or `queue:forget ID`",
)
QUEUE_UNKNOWN = RefusalCode(
    name="queue-unknown",
    meaning="A failed job belongs to a queue that the inventory does not name.",
    advice="name its queue in remediate.payments.queues, then run this again",
)


class _OfPayments(OfApplication, HumanTask):
    """A base with the inventory's settings for payments."""

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        payments, link = host.settings.payments or Payments(), host.settings.links.payments_dashboard
        given = stated(
            jobs=payments.jobs,
            queues=payments.queues,
            webhook=Webhook.of(host),
            motion=QueueMotion.of_payments(host),
            secret=payments.secret,
            secret_env=payments.secret_env,
            link=link and str(link),
        )
        known = {name: value for name, value in given.items() if name in cls.model_fields}
        return super().defaults(host) | known

    def _where(self) -> str:
        return f": {self.link}" if self.link else ""


class JobsFlow(OfJobs, _OfPayments):
    """Check that jobs can flow and do; name the playbook to run first when they do not."""

    kind: Literal["payments.flow"] = "payments.flow"
    subject = "flow of jobs"
    motion: QueueMotion = Field(description="the question whether jobs of payments are taken")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (DATABASE_DOWN, CACHE_DOWN, APP_DOWN)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), self.motion)

    @override
    def guard(self, facts: Facts) -> Verdict:
        workers = facts[self._workers] if self._workers else None
        stopped = stopped_flow(facts[self._failed], facts[self._flow], workers, self.program)
        if stopped is not None:
            return stopped
        moves = facts[self.motion]
        if moves.trouble is not None:
            return refuse(CACHE_DOWN, f"the store of the queue {moves.trouble}: run `fix.cache-down` first")
        if not moves.ok:
            reason = f"jobs of payments do not move (run `fix.app-down` first): {moves.describe()}"
            may_move = self.program is None and moves.may_be_young
            return wait(reason, APP_DOWN) if may_move else refuse(APP_DOWN, reason)
        said = "its workers run" if workers is not None else "no stuck job was seen"
        return skip(f"failed jobs can be read, the queue answers, {said}")


_ADVICE: Final[Mapping[WebhookTrouble, str]] = {
    WebhookTrouble.FAILING: "its log says why (storage/logs of the application), and error tracking",
    WebhookTrouble.GONE: "the route is not there: look at the last deploy, and at a stale `php artisan route:cache`",
    WebhookTrouble.METHOD: "the route takes no POST: look at the last deploy, and at a stale `php artisan route:cache`",
    WebhookTrouble.SESSION: "the route has to be outside the web group, or in the exceptions of VerifyCsrfToken",
    WebhookTrouble.MOVED: "give the provider the address that it redirects to",
    WebhookTrouble.LIMITED: "take the route out of the rate limit",
    WebhookTrouble.ODD: "no webhook answers like that: look at what serves this address",
    WebhookTrouble.REJECTS: "does PHP-FPM have another configuration than the command line?",
}


class CheckEndpoint(_OfPayments):
    """Check that the webhook accepts rightly signed events and no others (runbook 4.4: "Check webhook endpoint")."""

    kind: Literal["payments.endpoint"] = "payments.endpoint"
    webhook: Webhook = Field(description="the provider's endpoint")
    secret_env: EnvKey = Field(default="STRIPE_WEBHOOK_SECRET", description="key in .env that the secret comes from")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (APP_DOWN, ENDPOINT_BROKEN, SIGNATURE_UNCHECKED, SECRET_UNSET)
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @override
    def title(self) -> str:
        return self.webhook.url

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self.webhook,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        state = facts[self.webhook]
        match state.trouble:
            case None:
                return skip(f"the webhook is right: {state.describe()}")
            case WebhookTrouble.SILENT | WebhookTrouble.GATEWAY:
                return refuse(APP_DOWN, f"the webhook {state.describe()}: run `fix.app-down` first")
            case WebhookTrouble.UNSIGNED:
                return refuse(
                    SECRET_UNSET, f"the webhook {state.trouble.value}: {_set(self.secret_env)}{self._where()}"
                )
            case WebhookTrouble.FORGEABLE:
                return refuse(SIGNATURE_UNCHECKED, f"the webhook {state.describe()}: take it offline or fix it at once")
            case trouble:
                return refuse(ENDPOINT_BROKEN, f"the webhook {state.describe()}; {_ADVICE[trouble]}")


class TellSecret(_OfPayments):
    """Check that the provider signs with the application's secret (runbook 4.4, "If webhook secret changed")."""

    kind: Literal["payments.secret"] = "payments.secret"
    subject = "signing secret"
    webhook: Webhook = Field(description="the provider's endpoint")
    secret: ConfigKey = Field(description="configuration key that holds the signing secret")
    secret_env: EnvKey = Field(default="STRIPE_WEBHOOK_SECRET", description="key in .env that the secret comes from")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (SECRET_DIFFERS,)
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "config.cache", "payments.endpoint")

    @property
    def _configuration(self) -> Configuration:
        return Configuration(php=self.php, path=self.path, user=self.user)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self.webhook, self._configuration)

    @override
    def guard(self, facts: Facts) -> Verdict:
        state = facts[self.webhook]
        if state.events is None:
            return skip("no access log is declared, so nobody can tell what the provider is answered")
        if not state.disowned:
            return skip("no event of the provider was refused for its signature since the configuration was written")
        if facts[self._configuration].about((self.secret,)):
            return skip("the secret in use is older than the one in .env: that comes first")
        said = f"{state.events.refused} events of the provider were refused, the last at {state.events.last_at}"
        return refuse(
            SECRET_DIFFERS,
            f"{said}, though what the application signs is accepted: {_set(self.secret_env)}{self._where()}",
        )


def _set(key: str) -> str:
    command = f"do.env.set --key {key} --value-from stdin"
    return f"only a person sees the provider's secret; give it to `{command}`"


_LEFT: Final[Mapping[Fate, RefusalCode]] = {
    Fate.NOT_IDEMPOTENT: NOT_IDEMPOTENT,
    Fate.TOO_OLD: TOO_OLD,
    Fate.INTERRUPTED: INTERRUPTED,
    Fate.ELSEWHERE: QUEUE_UNKNOWN,
}


class DecideJobs(_OfPayments):
    """Report failed jobs that only a person may decide about.

    None of them is retried. The reason describes the first one and gives their number.
    """

    kind: Literal["payments.jobs"] = "payments.jobs"
    subject = "failed jobs that are left"
    jobs: tuple[PaymentJob, ...] = Field(default=(), description="classes of jobs, and which may be run twice")
    queues: tuple[QueueName, ...] = Field(default=("default",), min_length=1, description="queues that they go through")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*_LEFT.values(),)
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "payments.flow")

    @property
    def _failed(self) -> FailedJobs:
        classes = tuple(job.name for job in self.jobs)
        return FailedJobs(php=self.php, path=self.path, user=self.user, classes=classes)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._failed,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        if not self.jobs:
            return skip("the inventory names no class of jobs that payments consist of")
        left: dict[Fate, list[FailedJob]] = {}
        failed = facts[self._failed]
        if failed.hidden:
            raise Unreadable(f"{self._failed.label()}: {failed.describe()}")
        for job in failed.jobs:
            left.setdefault(fate(job, self.jobs, self.queues), []).append(job)
        for why, code in _LEFT.items():
            if why not in left:
                continue
            count = sum(len(left.get(each, ())) for each in _LEFT)
            more = f" (the first of {count} that are left)" if count > 1 else ""
            decide = "`php artisan queue:retry ID` or `queue:forget ID`"
            return refuse(
                code, f"{left[why][0].describe()} {why.value}{more}; a person decides: {decide}{self._where()}"
            )
        return skip("no failed job waits for a person's decision")


class ResendEvents(_OfPayments):
    """Ask a person to have the provider resend undelivered events (runbook 4.4, "Retry failed webhooks").

    The provider resends them by itself for three days, at growing intervals, so nothing is lost. Its dashboard resends
    them at once.
    """

    kind: Literal["payments.resend"] = "payments.resend"
    subject = "undelivered events"
    webhook: Webhook = Field(description="the provider's endpoint")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (HUMAN_STEP,)
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "payments.flow", "payments.endpoint", "payments.secret")

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self.webhook,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        events = facts[self.webhook].events
        if events is None:
            return skip(f"no access log is declared: look for failed events at the provider's{self._where()}")
        if not events.missed:
            return skip(
                "the provider's last event was accepted" if events.accepted else "no event is known to be missed"
            )
        said = f"{events.missed} events of the provider were not accepted, the last at {events.last_at}"
        again = f"it sends them again by itself for three days, or at once from its dashboard{self._where()}"
        # Events refused for their signature would be refused again. `payments.secret` reports that, and comes first.
        if events.refused and not events.failed:
            return skip(f"{said}: {again}")
        return refuse(HUMAN_STEP, f"{said}, and none since: {again}")
