"""app-down from the first look to the verdict, on a scripted host and on a real shell."""

import threading
from pathlib import Path

import pytest

from remediate.engine import Context, HostRun
from remediate.errors import ConfigurationError
from remediate.host import Host, Settings, SshTarget, Vantage
from remediate.options import Options
from remediate.outcome import RunVerdict, Touched
from remediate.playbooks.app_down import app_down
from remediate.probes.http import Site
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import DiscoverPhp, InstalledPhp, PhpFpmConfig
from remediate.probes.systemd import LogLines, Unit, UnitLog
from remediate.reporter import Silent
from remediate.testing import MemoryRecord, PaperHost, ScriptedSession, output_of, play
from remediate.testing import examples as ex
from remediate.testing.scripted import Changes

HOST = Host.model_validate(
    {
        "name": "web1",
        "ssh": SshTarget(address="192.0.2.1"),
        "settings": Settings.model_validate(
            {"site_url": "https://example.com/", "health_path": "/health", "php": "php8.2", "site_contains": "Welcome"}
        ),
    }
)
PAGES = (*Site.of(HOST), *Site.of(HOST, "/health"))
UNIT, CONFIG = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2")
DIAGNOSIS: Changes = {
    Unit(name="nginx"): ex.RUNNING,
    NginxConfig(): ex.SOUND,
    UnitLog(name="php8.2-fpm"): LogLines(lines=("php-fpm: signal 9",)),
}
UP: Changes = dict.fromkeys(PAGES, ex.page())
DOWN: Changes = dict.fromkeys(PAGES, ex.page(502))


def test_it_asks_from_every_vantage_and_for_the_health_page() -> None:
    symptoms = app_down(HOST).symptoms
    assert symptoms == PAGES
    assert [(page.vantage, page.label()) for page in symptoms] == [
        (Vantage.HOST, "https://example.com/"),
        (Vantage.CONTROLLER, "https://example.com/"),
        (Vantage.HOST, "https://example.com/health"),
        (Vantage.CONTROLLER, "https://example.com/health"),
    ]


def test_a_healthy_site_is_left_alone() -> None:
    session = ScriptedSession({**UP, **DIAGNOSIS, UNIT: ex.RUNNING, CONFIG: ex.SOUND})
    assert play(app_down, session, host=HOST).verdict is RunVerdict.HEALTHY
    assert session.execs == 1


def test_a_dead_php_is_brought_back() -> None:
    first: Changes = {**DOWN, **DIAGNOSIS, UNIT: ex.FAILED, CONFIG: ex.SOUND}
    session = ScriptedSession(first, {**UP, UNIT: ex.started_again(ex.FAILED)})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.FIXED, Touched.YES)
    assert session.execs == 3


def test_a_php_that_the_inventory_does_not_name_is_found_on_the_host() -> None:
    open_host = HOST.model_copy(update={"settings": HOST.settings.model_copy(update={"php": None})})
    found = InstalledPhp(enabled=("php8.2", "php8.3"), served=("php8.2",))
    session = ScriptedSession({**UP, **DIAGNOSIS, UNIT: ex.RUNNING, CONFIG: ex.SOUND, DiscoverPhp(): found})
    assert play(app_down, session, host=open_host).verdict is RunVerdict.HEALTHY
    assert session.execs == 2


def test_a_guess_between_two_is_refused() -> None:
    open_host = HOST.model_copy(update={"settings": HOST.settings.model_copy(update={"php": None})})
    found = InstalledPhp(enabled=("php8.2", "php8.3"), served=())
    with pytest.raises(ConfigurationError, match="several PHPs"):
        play(app_down, ScriptedSession({DiscoverPhp(): found}), host=open_host)


def test_without_a_site_there_is_nothing_to_be_down() -> None:
    with pytest.raises(ConfigurationError, match="site_url"):
        app_down(Host(name="web1", ssh=SshTarget(address="192.0.2.1")))


def test_a_dead_php_is_brought_back_through_a_real_shell(tmp_path: Path) -> None:
    here = HOST.model_copy(update={"settings": HOST.settings.model_copy(update={"site_vantage": (Vantage.HOST,)})})
    with PaperHost(tmp_path) as paper:
        for name, unit in (("failed", ex.FAILED), ("running", ex.started_again(ex.FAILED))):
            (paper.home / name).write_text(output_of(UNIT, unit).stdout)
        (paper.home / "nginx").write_text(output_of(Unit(name="nginx"), ex.RUNNING).stdout)
        paper.script(
            "systemctl",
            """case "$*" in
              restart*) [ "$PAPER_USER" = root ] && touch "$HOME/mended" ;;
              *-fpm*) [ -e "$HOME/mended" ] && cat "$HOME/running" || cat "$HOME/failed" ;;
              *) cat "$HOME/nginx" ;;
            esac""",
        )
        paper.script(
            "curl",
            '[ -e "$HOME/mended" ] && s=200 || s=502; echo Welcome; echo "$s 0.01 " >&2',
        )
        for name in ("nginx", "php-fpm8.2", "journalctl"):
            paper.program(name)
        paper.program("sh", stdout="root\n")
        context = Context(
            connect=lambda _: paper.session(),
            controller=ScriptedSession({}),
            record=MemoryRecord(),
            reporter=Silent(),
            stop=threading.Event(),
            owner=("ana@laptop", "run-7f3a"),
        )
        run = HostRun(here, app_down, Options(hold=0, yes=True), context)
        try:
            outcome = run.examine() or run.mend()
        finally:
            run.close()
        assert outcome.verdict is RunVerdict.FIXED, outcome.error
        assert paper.starts == 3
        restarts = [call for call in paper.calls if "restart" in call.argv]
        assert [(call.argv, call.user) for call in restarts] == [
            (("systemctl", "restart", "php8.2-fpm.service"), "root")
        ]
