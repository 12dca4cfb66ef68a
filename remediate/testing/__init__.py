"""Test tools for remedies, probes and playbooks, without a host or a container.

`check_remedy` holds one remedy to everything the engine relies on. `ScriptedSession` with `play` takes a playbook
through a whole run on answers that the test states. `PaperHost` runs the very script that a host would get, in a real
shell on this machine, with stub programs.
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
