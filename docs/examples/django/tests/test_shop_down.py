"""shop-down, without a host."""

import pytest
from shop_down import ALIVE, WEB, WORKER, RestartGunicorn, StartCelery, shop_down

from remediate import Host
from remediate.core.command import Output
from remediate.core.host import Settings, SshTarget
from remediate.probes.http import HttpAnswer
from remediate.probes.systemd import Unit, UnitState
from remediate.testing import check_remedy

SHOP = Settings.model_validate(
    {
        "site_url": "https://shop.example.com/",
        "health_path": "/health",
        "app_user": "shop",
        "redis": {"unit": "redis-server"},
        "log_paths": ["/var/log/nginx/access.log"],
    }
)
HOST = Host(name="shop1", ssh=SshTarget(address="192.0.2.1", user="deploy"), settings=SHOP)


def unit(name: str, active: str = "active", *, load: str = "loaded", invocation: str = "5f1e") -> UnitState:
    """Return the state of a unit, from what `systemctl show` prints."""
    sub, pid = ("running", 1041) if active == "active" else ("dead", 0)
    text = (
        f"LoadState={load}\nActiveState={active}\nSubState={sub}\nUnitFileState=enabled\nResult=success\n"
        f"InvocationID={invocation}\nMainPID={pid}\nNRestarts=0\nActiveEnterTimestampMonotonic=2340648910\n"
        "StateChangeTimestamp=Mon 2026-11-23 02:51:10 UTC\n"
    )
    return Unit(name=name).parse(Output(stdout=text))


def page(status: int = 200, curl: int = 0) -> HttpAnswer:
    """Return what gunicorn's own page answers, from what curl prints."""
    return ALIVE.parse(Output(stdout="alive" if status == 200 else "", stderr=f"{status:03} 0.01 ", exit=curl))


SILENT = page(0, 28)  # curl's exit status for "no answer in time"
CLOSED = page(0, 7)  # and for "no connection"
GUNICORN, CELERY = Unit(name=WEB), Unit(name=WORKER)


@pytest.mark.parametrize("down", [unit(WEB, "inactive"), unit(WEB, "failed")])
def test_gunicorn_keeps_the_rules_of_every_remedy(down: UnitState) -> None:
    check_remedy(
        RestartGunicorn(),
        broken={GUNICORN: down, ALIVE: CLOSED},
        healed={GUNICORN: unit(WEB, invocation="7a2c"), ALIVE: page()},
        others=[
            {GUNICORN: unit(WEB), ALIVE: SILENT},
            {GUNICORN: unit(WEB), ALIVE: page(500)},
            {GUNICORN: unit(WEB, "inactive", load="masked"), ALIVE: CLOSED},
        ],
    )


def test_celery_keeps_the_rules_of_every_remedy() -> None:
    check_remedy(
        StartCelery(),
        broken={CELERY: unit(WORKER, "failed")},
        healed={CELERY: unit(WORKER, invocation="7a2c")},
        others=[{CELERY: unit(WORKER, "inactive", load="masked")}],
    )


def test_nothing_of_it_needs_php() -> None:
    plan = shop_down(HOST)
    assert [remedy.kind for remedy in plan.remedies] == [
        *("log.shorten", "redis.restart", "gunicorn.restart", "nginx.restart", "celery.start")
    ]
    assert not [run for run in plan.privileges() if "php" in " ".join(run.argv)]
