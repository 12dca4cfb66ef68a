"""What makes PHP-FPM read changed files where opcache does not look at them again."""

from typing import ClassVar, Literal

from pydantic import Field

from remediate.command import ROOT, Run
from remediate.host import AbsolutePath, Host, PhpName, UserName
from remediate.probe import Fact, Probe
from remediate.probes.configuration import CachedConfig
from remediate.probes.descendants import Descendants
from remediate.probes.opcache import Opcache
from remediate.probes.php_fpm import PhpFpmConfig, unit_of
from remediate.probes.systemd import SYSTEMCTL, Unit, full_name
from remediate.remedies.systemd import CONFIG_REFUSALS, unsound
from remediate.remedy import Remedy
from remediate.survey import Facts
from remediate.verdict import RefusalCode, Verdict, proceed, skip, wait


class ReloadPhpFpm(Remedy):
    """Make PHP-FPM take a new configuration where it would not notice (runbook 4.5, "Restart PHP-FPM").

    Needed only when opcache never looks at files again (opcache.validate_timestamps=0) and children are older than
    the configuration in use. A reload with a broken pool file ends PHP-FPM, with exit status 0, so its configuration
    is checked before. Requests that are being worked on are lost unless `process_control_timeout` is set. What opcache
    has read is shared by all children and lives as long as the main process, so their age alone says too little.
    """

    kind: Literal["php-fpm.reload"] = "php-fpm.reload"
    php: PhpName = Field(description="PHP's name, for example php8.3")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")

    refusals: ClassVar[tuple[RefusalCode, ...]] = CONFIG_REFUSALS
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "config.cache", "database.access")

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        settings = host.settings
        given = {"php": settings.php, "path": settings.app_path, "user": settings.app_user}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def _unit(self) -> Unit:
        return Unit(name=unit_of(self.php))

    @property
    def _config(self) -> PhpFpmConfig:
        return PhpFpmConfig(php=self.php)

    @property
    def _opcache(self) -> Opcache:
        return Opcache(php=self.php)

    @property
    def _children(self) -> Descendants:
        return Descendants(path=self.path, user=self.user, unit=unit_of(self.php))

    @property
    def _cached(self) -> CachedConfig:
        return CachedConfig(path=self.path, user=self.user)

    def title(self) -> str:
        """See Remedy."""
        return unit_of(self.php)

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit, self._config, self._opcache, self._children, self._cached)

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy: systemd notes when it was reloaded. Its children come and go with the requests."""
        return (self._unit,)

    def steady(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._config, self._cached)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        unit, name = facts[self._unit], self.title()
        if not facts[self._opcache].keeps:
            return skip("opcache notices changed files")
        if unit.changing:
            return wait(f"{name} is {unit.describe()}, job {unit.job}")
        if not unit.healthy:
            return skip(f"{name} is {unit.describe()}: it keeps nothing")
        cached = facts[self._cached]
        if cached.written is None:
            return skip("the configuration is not cached: there is nothing to keep")
        # systemd tells whole seconds: a reload within the same one counts as later, unless a child is older.
        reloaded = unit.changed_at.timestamp() + 1 if unit.changed_at is not None else 0.0
        stale = facts[self._children].stale
        if not stale and cached.written < reloaded:
            return skip(f"{name} was started or reloaded after the configuration was cached")
        older = f"{len(stale)} children of {name} are" if stale else f"{name} is"
        return unsound(facts[self._config], self._config.label()) or proceed(
            f"{older} older than the configuration, and opcache keeps it"
        )

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return (reload_php_fpm(self.php),)


def reload_php_fpm(php: str) -> Run:
    """Return the command that makes PHP-FPM begin anew without closing its sockets; one that is down stays down."""
    return Run.of(SYSTEMCTL, "try-reload-or-restart", full_name(unit_of(php)), user=ROOT, seconds=60)
