"""A script that is cut on its way: run wholly or not at all."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from remediate.core.command import ROOT, Run
from remediate.testing import SHELLS, PaperHost
from remediate.transport.script import Act, Fence, build
from support.asking import ACTING_SHELL, NONCE


def _cuts(host: PaperHost, shell: str) -> tuple[bytes, int]:
    """Return a script that leaves marks whatever of it runs, and where its last line begins."""
    for name in ("act", "look", "fence"):
        host.program(name, stdout="seen\n")
    steps = (Run.of("/bin/act", "1", user=ROOT), Run.of("/bin/act", "2", user=ROOT))
    act = Act(steps=steps, fence=(Fence(run=Run.of("fence"), stdout="seen\n"),), settle=0)
    script = host.on_paper(build(NONCE, [Run.of("look"), Run.of("look", "again")], act))
    return script, script.rstrip(b"\n").rfind(b"\n") + 1


def _run_cut(host: PaperHost, shell: str, script: bytes) -> None:
    words, environment = [*SHELLS[shell], "-s"], host.environment()
    subprocess.run(words, input=script, capture_output=True, check=False, env=environment, cwd=host.home, timeout=20)


@ACTING_SHELL
def test_a_script_cut_anywhere_before_its_last_line_runs_nothing(shell: str, tmp_path: Path) -> None:
    with PaperHost(tmp_path, shell=shell) as host:
        script, last = _cuts(host, shell)
        # Every byte with the shell that hosts have; with the others those near a line's end, where a cut can mean most.
        ends = (
            range(last + 1) if shell == "sh" else [at for at in range(last + 1) if script[at - 1 : at + 1].count(b"\n")]
        )
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(lambda at: _run_cut(host, shell, script[:at]), ends))
        assert host.calls == []
        _run_cut(host, shell, script)
        assert [call.argv[0] for call in host.calls] == ["fence", "act", "act", "look", "look"]


@ACTING_SHELL
def test_a_script_cut_in_its_last_line_runs_wholly_or_not_at_all(shell: str, tmp_path: Path) -> None:
    with PaperHost(tmp_path, shell=shell) as host:
        script, last = _cuts(host, shell)
        for at in range(last, len(script)):
            before = len(host.calls)
            _run_cut(host, shell, script[:at])
            assert [call.argv[0] for call in host.calls[before:]] in (["fence", "act", "act", "look", "look"], [])
