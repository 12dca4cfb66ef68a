"""Faults of PHP-FPM pools."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, PhpName
from remediate.rehearsal.faults.fault import Fault, Url, waiting_clients


class _OfPool(Fault):
    """A fault of the PHP-FPM of one PHP."""

    php: PhpName = Field(description="PHP's name")

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (f"{self.php}-fpm",)


class PoolHung(_OfPool):
    """PHP-FPM's children are frozen: it is active and accepts connections, but never answers."""

    kind: Literal["pool-hung"] = "pool-hung"

    @override
    def describe(self) -> str:
        return f"the children of {self.php}-fpm hang"

    @override
    def breaking(self) -> str:
        return f"pkill -STOP -P $(systemctl show -p MainPID --value {self.php}-fpm)"

    @override
    def mending(self) -> str:
        return f"systemctl restart {self.php}-fpm"


class PoolExhausted(_OfPool):
    """Every child of the pool is in an endless request, and more requests wait."""

    kind: Literal["pool-exhausted"] = "pool-exhausted"
    public: AbsolutePath = Field(description="directory that nginx serves")
    url: Url = Field(description="address of that directory on the host")

    @override
    def describe(self) -> str:
        return f"all children of {self.php}-fpm work on requests that do not end"

    @override
    def breaking(self) -> str:
        page = f"{self.public}/remediate-fault.php"
        return f"echo '<?php sleep(600);' > {page}\n{waiting_clients(f'{self.url}/remediate-fault.php', 12)}"

    @override
    def mending(self) -> str:
        return (
            f"pkill -f remediate-fault.php; rm -f {self.public}/remediate-fault.php; systemctl restart {self.php}-fpm"
        )
