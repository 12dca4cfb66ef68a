"""The remedy that ends maintenance mode, and the gate for all others until then."""

from typing import ClassVar, Literal

from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import RefusalCode, Verdict, refuse, skip, wait
from remediate.probes.laravel import App, Deploy
from remediate.programs.run import run_artisan
from remediate.remedies.application import OfApplication

MAINTENANCE_MODE = RefusalCode(
    name="maintenance-mode",
    meaning="Somebody ran `artisan down`: the site is down on purpose.",
    advice="if maintenance may end, add --override maintenance-mode='why'",
    overridable=True,
)
DEPLOY_RUNNING = RefusalCode(
    name="deploy-running",
    meaning="A deploy is changing the application right now.",
    advice="wait for the end of the deploy, then run this again",
)


class EndMaintenance(OfApplication):
    """End maintenance mode, only with `--override maintenance-mode=why`.

    Maintenance mode is a person's decision, so this refuses by default, and the remedies that depend on it leave the
    host alone. It waits while a deploy runs, because a deploy ends maintenance mode itself.
    """

    kind: Literal["laravel.up"] = "laravel.up"

    refusals: ClassVar[tuple[RefusalCode, ...]] = (MAINTENANCE_MODE, DEPLOY_RUNNING)
    is_gate: ClassVar[bool] = True

    @property
    def _app(self) -> App:
        return App(php=self.php, path=self.path, user=self.user)

    @property
    def _deploy(self) -> Deploy:
        return Deploy(user=self.user)

    @override
    def title(self) -> str:
        return self.path

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._app, self._deploy)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._app,)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (self._app, self._deploy)

    @override
    def guard(self, facts: Facts) -> Verdict:
        deploy = facts[self._deploy]
        if deploy.running:
            return wait(f"a deploy is {deploy.describe()}", code=DEPLOY_RUNNING)
        if facts[self._app].maintenance:
            return refuse(MAINTENANCE_MODE, f"{self.path} is down for maintenance (artisan down): on purpose")
        return skip("no maintenance, no deploy")

    @override
    def changes(self) -> tuple[Run, ...]:
        return (run_artisan(self.php, self.path, "up", user=self.user, seconds=30),)
