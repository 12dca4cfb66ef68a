"""Test tools for remedies, probes and playbooks, without a host or a container.

`check_remedy` checks one remedy against every requirement of the engine. `ScriptedSession` with `play` takes a playbook
through a whole run, on answers that the test states. `PaperHost` runs the same script as a real host, in a real shell
on this machine with stub programs.
"""

from remediate.testing.contract import Known, check_remedy
from remediate.testing.paper import SHELLS, Call, PaperHost, installed_shells
from remediate.testing.play import MemoryRecorder, play
from remediate.testing.scripted import ScriptedEvent, ScriptedSession

__all__ = [
    "SHELLS",
    "Call",
    "Known",
    "MemoryRecorder",
    "PaperHost",
    "ScriptedEvent",
    "ScriptedSession",
    "check_remedy",
    "installed_shells",
    "play",
]
