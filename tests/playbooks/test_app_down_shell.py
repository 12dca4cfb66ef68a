"""A dead PHP, brought back by app-down through a real shell."""

import threading
from pathlib import Path

import pytest

from remediate.core.options import Options
from remediate.core.outcome import RunVerdict
from remediate.engine.context import Context
from remediate.engine.host_runner import HostRunner
from remediate.engine.reporter import NullReporter
from remediate.playbooks.app_down import app_down
from remediate.testing import MemoryRecorder, PaperHost
from support import examples as ex
from support.incidents import (
    AGAIN,
    FPM,
    NGINX,
    POOLS,
    host,
)
from support.render import output_of
from support.scripted import FactSession

pytestmark = pytest.mark.usefixtures("hurry")


def test_a_dead_php_is_brought_back_through_a_real_shell(tmp_path: Path) -> None:
    here = host(site_vantage=["host"], app_path=None, worker_program=None)
    with PaperHost(tmp_path) as paper:
        for name, unit in (("failed", ex.FAILED), ("running", AGAIN)):
            (paper.home / name).write_text(output_of(FPM, unit).stdout)
        (paper.home / "nginx").write_text(output_of(NGINX, ex.RUNNING).stdout)
        paper.script(
            "systemctl",
            """case "$*" in
              restart*) [ "$PAPER_USER" = root ] && touch "$HOME/mended" ;;
              *)
                while [ "$1" != -- ]; do shift; done
                shift
                first=$1
                for unit; do
                  [ "$unit" = "$first" ] || echo
                  case $unit in
                    *-fpm*) [ -e "$HOME/mended" ] && cat "$HOME/running" || cat "$HOME/failed" ;;
                    *) cat "$HOME/nginx" ;;
                  esac
                done ;;
            esac""",
        )
        paper.script(
            "curl",
            '[ -e "$HOME/mended" ] && s=200 || s=502; echo Welcome; echo "$s 0.01 " >&2',
        )
        for name in ("nginx", "php-fpm8.2", "journalctl", "ss"):
            paper.program(name)
        paper.program("php8.2", stdout=output_of(POOLS, ex.POOLS).stdout)
        paper.script("sh", 'case "$*" in *--connect-to*) exec /bin/sh "$@" ;; *) echo root ;; esac')
        context = Context(
            connect=lambda _: paper.session(),
            controller=FactSession({}),
            record=MemoryRecorder(),
            reporter=NullReporter(),
            stop=threading.Event(),
            owner=("ana@laptop", "run-7f3a"),
        )
        run = HostRunner(here, app_down, Options(hold=0, yes=True), context)
        try:
            outcome = run.examine() or run.mend()
        finally:
            run.close()
        assert outcome.verdict is RunVerdict.FIXED, outcome.error
        assert paper.starts == 4
        restarts = [call for call in paper.calls if "restart" in call.argv]
        assert [(call.argv, call.user) for call in restarts] == [
            (("systemctl", "restart", "php8.2-fpm.service"), "root")
        ]
