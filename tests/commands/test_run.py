"""Overrides of a run: only refusal codes of its own remedies are accepted."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import pytest

from remediate.commands.run import _known_overrides
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.options import Options
from remediate.core.playbook import Runnable, Severity, playbook
from remediate.core.remedy import Remedy
from remediate.core.verdict import CONFIG_BROKEN, RefusalCode
from remediate.errors import ConfigurationError
from remediate.playbooks.app_down import app_down
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.remedies.single import SingleRemedy

SHOP_OPEN = RefusalCode(name="shop-open", meaning="People are buying.", overridable=True)


class WakeShop(RestartNginx):
    """A remedy of a project, with a code of its own."""

    kind: Literal["shop.wake"] = "shop.wake"  # type: ignore[assignment]  # a kind of its own
    refusals: ClassVar[tuple[RefusalCode, ...]] = (SHOP_OPEN, CONFIG_BROKEN)


OF_THE_SHOP = "common-cause, cool-down, history-unknown, locked, recurring, shop-open"


@playbook(severity=Severity.SEV2, symptoms=lambda _: ())
def shop_slow(host: Host) -> Iterable[Remedy]:
    """Wake the shop, where there is one."""
    yield WakeShop.on(host)
    if host.name == "php1":
        yield RestartPhpFpm.on(host)


def host(name: str = "web1", **settings: object) -> Host:
    return Host(
        name=name,
        ssh=SshTarget(address="192.0.2.1"),
        settings=Settings.model_validate({"site_url": "https://example.com/", **settings}),
    )


def check(runnable: Runnable, code: str, *hosts: Host) -> None:
    _known_overrides(runnable, hosts or (host(php="php8.3"),), Options(overrides={code: "because"}))


@pytest.mark.parametrize("runnable", [shop_slow, shop_slow.given({})])
def test_a_code_of_a_project_can_be_overridden(runnable: Runnable) -> None:
    check(runnable, "shop-open")


@pytest.mark.parametrize(
    ("runnable", "code"),
    [(app_down, "database-cause"), (app_down, "start-limit-hit"), (SingleRemedy(RestartPhpFpm), "database-cause")],
)
def test_a_code_of_a_stock_remedy_can_be_overridden(runnable: Runnable, code: str) -> None:
    check(runnable, code)
    check(runnable, code, host())  # its PHP is only discovered later


def test_one_host_that_can_refuse_so_is_enough() -> None:
    check(shop_slow, "database-cause", host(), host("php1"))


@pytest.mark.parametrize(
    ("runnable", "code", "said"),
    [
        (
            shop_slow,
            "database-cause",
            f"shop-slow has no refusal code 'database-cause'; it can override: {OF_THE_SHOP}",
        ),
        (shop_slow, "config-broken", f"config-broken cannot be overridden; it can override: {OF_THE_SHOP}"),
        (shop_slow, "moved", f"moved cannot be overridden; it can override: {OF_THE_SHOP}"),
        (
            app_down,
            "shop-open",
            "app-down has no refusal code 'shop-open'; it can override: common-cause, cool-down, database-cause, ",
        ),
        (
            SingleRemedy(RestartNginx),
            "maintenance-mode",
            "do.nginx.restart has no refusal code 'maintenance-mode'; it can ",
        ),
    ],
)
def test_what_cannot_be_overridden_is_said_with_what_can(runnable: Runnable, code: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(runnable, code)
    assert f"--override: {said}" in str(caught.value)
