"""The PHP program for pools, run by a real PHP beside lookalike processes."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.core.program_text import program_text
from remediate.errors import Unreadable
from remediate.probes.php_fpm import Pools, PoolsState
from remediate.programs.run import PROBES
from support.stubs import stub

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")


@contextmanager
def titled(executable: str) -> Iterator[int]:
    """Run a process under the title of a child of a pool `www`; yields the pid of its parent."""
    script = f'exec 3<&0; (exec -a "php-fpm: pool www" {executable} >/dev/null) & wait'
    with subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, start_new_session=True) as parent:
        try:
            yield parent.pid
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def look(tmp_path: Path, answer: str) -> PoolsState:
    """Ask a pool that nobody answers for, with a systemctl that only gives this answer."""
    (tmp_path / "www.conf").write_text(f"[www]\nlisten = {tmp_path}/pool.sock\npm.max_children = 5\n")
    stub(tmp_path / "systemctl", f"echo '{answer}'")
    with socket.socket(socket.AF_UNIX) as pool:
        pool.bind(f"{tmp_path}/pool.sock")
        pool.listen()
        result = subprocess.run(
            ["php", "-n", "-r", program_text(PROBES, "pools.php"), "--", str(tmp_path), "1", "php8.2-fpm"],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )
    answered = Output(stdout=result.stdout, stderr=result.stderr, exit=result.returncode)
    return Pools(php="php8.2", user="forge").read(answered)


def test_only_the_children_of_this_master_count(tmp_path: Path) -> None:
    with ExitStack() as stack:
        main = stack.enter_context(titled("cat <&3"))
        stack.enter_context(titled("yes"))
        (pool,) = look(tmp_path, f"MainPID={main}").pools
    assert (pool.children, pool.stuck, pool.busy) == (1, True, False)


def test_a_unit_whose_main_process_is_not_told_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="does not tell the main process"):
        look(tmp_path, "")
