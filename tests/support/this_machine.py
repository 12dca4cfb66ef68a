"""A question that is put to this machine."""

import subprocess

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe


def command_of(probe: Probe[Fact]) -> Run:
    """Return the command of a question that is asked on the host."""
    command = probe.command()
    assert isinstance(command, Run)
    return command


def run(probe: Probe[Fact]) -> Output:
    command = command_of(probe)
    done = subprocess.run(command.argv, capture_output=True, text=True, timeout=30, check=False, env={"LC_ALL": "C"})
    return Output(stdout=done.stdout, stderr=done.stderr[-8192:], exit=done.returncode)
