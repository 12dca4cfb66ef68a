"""The remedy that reloads PHP-FPM when opcache does not notice changed files."""

from typing import ClassVar, Literal

from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import RefusalCode, Verdict, proceed, skip, wait
from remediate.probes.configuration import CachedConfig
from remediate.probes.descendants import Descendants
from remediate.probes.opcache import Opcache
from remediate.probes.php_fpm import unit_of
from remediate.probes.systemd import SYSTEMCTL, Unit, full_name
from remediate.remedies.application import OfApplication
from remediate.remedies.systemd import CONFIG_REFUSALS, OfPhpFpm, unsound


class Keeper:
    """PHP-FPM's copies of an application's configuration: in opcache and in its children."""

    def __init__(self, php: str, path: str, user: str) -> None:
        """Ask about the PHP-FPM of one application."""
        self.opcache = Opcache(php=php)
        self.unit = Unit(name=unit_of(php))
        self.children = Descendants(path=path, user=user, unit=unit_of(php))
        self.cached = CachedConfig(path=path, user=user)

    def probes(self) -> tuple[Probe[Fact], ...]:
        """Return the probes that `older` reads."""
        return (self.opcache, self.unit, self.children, self.cached)

    def older(self, facts: Facts) -> str | None:
        """Return what keeps an older configuration than the one in use, else None.

        All children share what opcache has read, for as long as the main process lives. The age of the children alone
        is therefore not enough.
        """
        written = facts[self.cached].written if facts[self.opcache].keeps else None
        if written is None:
            return None
        unit = facts[self.unit]
        if unit.active not in {"active", "reloading"}:
            return None
        # systemd gives whole seconds: a reload within the same second counts as later, unless a child is older.
        reloaded = unit.changed_at.timestamp() + 1 if unit.changed_at is not None else 0.0
        stale = facts[self.children].stale
        if not stale and written < reloaded:
            return None
        who = f"{len(stale)} children of {self.unit.label()} are" if stale else f"{self.unit.label()} is"
        return f"{who} older than the configuration, and opcache keeps it"


class ReloadPhpFpm(OfApplication, OfPhpFpm):
    """Reload PHP-FPM when it would not notice a new configuration (runbook 4.5, "Restart PHP-FPM").

    Needed only when opcache never checks files again (opcache.validate_timestamps=0) and PHP-FPM or one of its children
    is older than the configuration in use. A reload with a broken pool file ends PHP-FPM, with exit status 0, so its
    configuration is checked first. Requests in progress are lost unless `process_control_timeout` is set.
    """

    # Its identity is the unit, because systemd records its reloads; children come and go with the requests.
    kind: Literal["php-fpm.reload"] = "php-fpm.reload"

    refusals: ClassVar[tuple[RefusalCode, ...]] = CONFIG_REFUSALS
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "config.cache", "database.access")

    @property
    def _keeper(self) -> Keeper:
        return Keeper(self.php, self.path, self.user)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*self._keeper.probes(), self._config)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (self._config, self._keeper.cached)

    @override
    def guard(self, facts: Facts) -> Verdict:
        unit, name = facts[self._unit], self.title()
        if not facts[self._keeper.opcache].keeps:
            return skip("opcache notices changed files")
        if unit.changing:
            return wait(f"{name} is {unit.describe()}, job {unit.job}")
        if not unit.healthy:
            return skip(f"{name} is {unit.describe()}: it keeps nothing")
        if facts[self._keeper.cached].written is None:
            return skip("the configuration is not cached: there is nothing to keep")
        if (older := self._keeper.older(facts)) is None:
            return skip(f"{name} was started or reloaded after the configuration was cached")
        return unsound(facts[self._config], self._config.label()) or proceed(older)

    @override
    def changes(self) -> tuple[Run, ...]:
        return (reload_php_fpm(self.php),)


def reload_php_fpm(php: str) -> Run:
    """Return the command that reloads PHP-FPM without closing its sockets; a stopped one stays down."""
    return Run.of(SYSTEMCTL, "try-reload-or-restart", full_name(unit_of(php)), user=ROOT, seconds=60)
