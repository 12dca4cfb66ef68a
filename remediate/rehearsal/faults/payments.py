"""Faults of payments: failed jobs, a webhook that refuses its provider, a missing secret."""

import shlex
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, EnvKey, PhpName, ProgramName, UnitName, UserName
from remediate.rehearsal.faults.fault import Fault, Url, kept, restored

_DISPATCH: Final = r"""
chdir($argv[1]);
require "vendor/autoload.php";
$app = require "bootstrap/app.php";
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
$number = 0;
foreach (["poison" => $argv[2], "good" => $argv[3], "charge" => $argv[4]] as $what => $count) {
    while ($count-- > 0) {
        $id = "evt_fault_" . ++$number . bin2hex(random_bytes(4));
        $currency = $what === "good" ? "usd" : "nonsense";
        $job = $what === "charge"
            ? new App\Jobs\ChargeCustomer("cus_fault_$number", 4200)
            : new App\Jobs\RecordStripePayment($id, "payment_intent.succeeded", 4200, $currency);
        $job->tries = 1;
        dispatch($job->onQueue("remediate-fault"));
    }
}
"""
_FAIL: Final = r"""
app=$1 php=$2 user=$3 database=$4 hours=$5 claimed=$6 dispatch=$7; shift 7
mariadb "$database" -e 'rename table payments to payments_away'
install -d -m 555 -o root "$app/storage/app/charges"
runuser -u "$user" -- "$php" -r "$dispatch" "$app" "$@"
runuser -u "$user" -- "$php" "$app/artisan" queue:work redis --queue=remediate-fault --stop-when-empty --quiet
chown "$user" "$app/storage/app/charges"
chmod 755 "$app/storage/app/charges"
mariadb "$database" -e 'rename table payments_away to payments'
mariadb "$database" -e "update failed_jobs set queue = 'default', failed_at = failed_at - interval $hours hour
  where queue = 'remediate-fault'"
[ "$claimed" = False ] || mariadb "$database" -e "update failed_jobs set payload =
  json_set(payload, '$.remediate', json_object('row', id, 'at', unix_timestamp() - 60))"
"""
_PATIENCE: Final = 300
"""Seconds for which the provider retries."""
_PROVIDER: Final = "remediate-provider"
_AWAY: Final = "</dev/null >/dev/null 2>&1"
_DELIVER: Final = r"""
deliver() {
  now=$(date +%s)
  body='{"id":"evt_fault_provider","object":"event","type":"customer.updated","data":{"object":{}}}'
  sum=$(printf '%s.%s' "$now" "$body" | openssl dgst -sha256 -hmac "$1" | sed 's/.* //')
  curl -s -f -o /dev/null -A 'Stripe/1.0 (+https://stripe.com/docs/webhooks)' -H "Stripe-Signature: t=$now,v1=$sum" \
    -d "$body" "$2"
}
"""


class JobsFailed(Fault):
    """Jobs of payments failed while the database could not take them; now everything works.

    They really failed: in a worker, while their tables were renamed away.
    """

    kind: Literal["jobs-failed"] = "jobs-failed"
    php: PhpName = Field(description="PHP's name")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")
    database: str = Field(default="agency", description="database name", pattern=r"^[A-Za-z0-9_]+$")
    recorded: int = Field(default=0, ge=0, le=200, description="jobs that may be run twice, and will succeed")
    poison: int = Field(default=0, ge=0, le=200, description="jobs that may be run twice, and will fail again: older")
    charges: int = Field(default=0, ge=0, le=200, description="jobs that take money each time they are run")
    hours: int = Field(default=0, ge=0, le=1000, description="how long ago they failed")
    claimed: bool = Field(default=False, description="whether a retry had claimed them and did not come to its end")

    @override
    def describe(self) -> str:
        kinds = {"to record payments": self.recorded, "that fail again": self.poison, "to charge": self.charges}
        said = ", ".join(f"{count} {what}" for what, count in kinds.items() if count)
        when = f"{self.hours} h ago" if self.hours else "just now"
        return f"jobs failed {when}: {said}{', and a retry of them was interrupted' if self.claimed else ''}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (f"{self.database}.failed_jobs",)

    @override
    def breaking(self) -> str:
        counts = (self.poison, self.recorded, self.charges)
        words = (self.path, self.php, self.user, self.database, self.hours, self.claimed, _DISPATCH, *counts)
        return f"set -- {shlex.join(map(str, words))}\n{_FAIL}"

    @override
    def mending(self) -> str:
        return f"mariadb {self.database} -e 'truncate failed_jobs'"


class SecretChanged(Fault):
    """The provider signs with another secret than the application has, so events are refused.

    Either .env has the new secret and the cached configuration the old one, or neither has it. Like the real one, the
    provider resends an event until it is accepted, only sooner.
    """

    kind: Literal["secret-changed"] = "secret-changed"
    path: AbsolutePath = Field(description="directory that holds artisan")
    program: ProgramName = Field(description="supervisor group of the workers, which take a new configuration")
    url: Url = Field(description="the webhook, as it is reached on the host")
    key: EnvKey = Field(default="STRIPE_WEBHOOK_SECRET", description="key in .env")
    in_env: bool = Field(default=True, description="whether .env has the new one")

    @override
    def describe(self) -> str:
        known = "which .env has and the cached configuration has not" if self.in_env else "which the host does not know"
        return f"the provider signs with a new secret, {known}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (f"{self.path}/.env", f"{self.path}/bootstrap/cache/config.php", self.program)

    @override
    def breaking(self) -> str:
        env = f"{self.path}/.env"
        told = f'{kept(env)}sed -i "s/^{self.key}=.*/{self.key}=$new/" {env}\n'
        return (
            f"{_DELIVER}\nnew=whsec_$(openssl rand -hex 16)\n{told if self.in_env else ''}"
            f'for i in 1 2 3; do deliver "$new" {self.url} || true; done\n'
            f"{self._again() if self.in_env else ''}"
        )

    def _again(self) -> str:
        loop = f'{_DELIVER}until deliver "$1" {self.url}; do sleep 1; done'
        return f'setsid -f timeout {_PATIENCE} bash -c {shlex.quote(loop)} {_PROVIDER} "$new" {_AWAY}\n'

    @override
    def mending(self) -> str:
        return f"pkill -f '^timeout {_PATIENCE} bash .*{_PROVIDER}' || true\n{restored(f'{self.path}/.env')}"


class RouteBroken(Fault):
    """A deploy lost or broke the webhook's route; every page is right."""

    kind: Literal["route-broken"] = "route-broken"
    path: AbsolutePath = Field(description="directory that holds artisan")
    url: Url = Field(description="the webhook, as it is reached on the host")
    how: Literal["gone", "get", "throws"] = Field(default="gone", description="404, 405 or 500")

    @override
    def describe(self) -> str:
        return {
            "gone": "the webhook has no route",
            "get": "the webhook takes GET only",
            "throws": "the webhook fails with every event",
        }[self.how]

    @property
    def _file(self) -> str:
        return f"{self.path}/routes/machine.php"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self._file,)

    @override
    def breaking(self) -> str:
        edit = {
            "gone": "/webhooks/d",
            "get": "s/Route::post/Route::get/",
            "throws": "s/StripeWebhookController::class);/function () { throw new RuntimeException(); });/",
        }[self.how]
        return f"{kept(self._file)}sed -i '{edit}' {self._file}\n{self._once('!= 400')}"

    @override
    def mending(self) -> str:
        return f"{restored(self._file)}{self._once('= 400')}"

    def _once(self, status: str) -> str:
        """Wait, at most ten seconds, for a status: opcache checks a file again only after some seconds."""
        asked = f"curl -s -o /dev/null -w '%{{http_code}}' -X POST {self.url}"
        return f'for i in $(seq 40); do [ "$({asked})" {status} ] && break; sleep 0.25; done\n'


class StoreStopped(Fault):
    """The queue's store is stopped, and so are the workers, which would die without it."""

    kind: Literal["store-stopped"] = "store-stopped"
    unit: UnitName = Field(description="systemd unit of the store")
    program: ProgramName = Field(description="supervisor group of the workers")

    @override
    def describe(self) -> str:
        return f"{self.unit} is stopped, and the workers {self.program} with it"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.unit, self.program)

    @override
    def breaking(self) -> str:
        return f"supervisorctl stop '{self.program}:*'\nsystemctl stop {self.unit}"

    @override
    def mending(self) -> str:
        return f"systemctl start {self.unit}\nsupervisorctl start '{self.program}:*' || true"
