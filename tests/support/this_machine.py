"""A question that is put to this machine."""

import subprocess

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe


def run(probe: Probe[Fact]) -> Output:
    command = probe.command()
    assert isinstance(command, Run)
    done = subprocess.run(command.argv, capture_output=True, text=True, timeout=30, check=False, env={"LC_ALL": "C"})
    return Output(stdout=done.stdout, stderr=done.stderr[-8192:], exit=done.returncode)
