"""Faults of payments: jobs that failed, a webhook that refuses its provider, a secret that the application lacks."""

import shlex
from typing import Final, Literal

from pydantic import Field

from remediate.host import AbsolutePath, PhpName, UserName
from remediate.rehearsal.faults.fault import Fault

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
app=$1 php=$2 user=$3 database=$4 hours=$5 dispatch=$6; shift 6
mariadb "$database" -e 'rename table payments to payments_away'
install -d -m 555 -o root "$app/storage/app/charges"
runuser -u "$user" -- "$php" -r "$dispatch" "$app" "$@"
runuser -u "$user" -- "$php" "$app/artisan" queue:work redis --queue=remediate-fault --stop-when-empty --quiet
rmdir "$app/storage/app/charges"
mariadb "$database" -e 'rename table payments_away to payments'
mariadb "$database" -e "update failed_jobs set queue = 'default', failed_at = failed_at - interval $hours hour
  where queue = 'remediate-fault'"
"""


class JobsFailed(Fault):
    """Jobs of payments failed while the database could not take them, and everything works again.

    They failed for real: in a worker, on tables that were away meanwhile.
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

    def describe(self) -> str:
        """See Fault."""
        kinds = {"to record payments": self.recorded, "that fail again": self.poison, "to charge": self.charges}
        said = ", ".join(f"{count} {what}" for what, count in kinds.items() if count)
        return f"jobs failed {f'{self.hours} h ago' if self.hours else 'just now'}: {said}"

    def disturbs(self) -> tuple[str, ...]:
        """See Fault."""
        return (f"{self.database}.failed_jobs",)

    def breaking(self) -> str:
        """See Fault."""
        counts = (self.poison, self.recorded, self.charges)
        words = (self.path, self.php, self.user, self.database, self.hours, _DISPATCH, *counts)
        return f"set -- {shlex.join(map(str, words))}\n{_FAIL}"

    def mending(self) -> str:
        """See Fault."""
        return f"echo 'delete from failed_jobs' | mariadb {self.database}"
