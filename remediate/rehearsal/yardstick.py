"""The yardstick of a rehearsal: the runbook's commands, typed on the same broken host."""

from time import sleep
from typing import Final

from remediate.core.host import Host
from remediate.core.playbook import Playbook
from remediate.rehearsal.faults.fault import RootShell
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.observation import Observer, bystanders, differences, keepsakes, missing
from remediate.rehearsal.outcome import Typed
from remediate.rehearsal.trial import Trial

TYPED_SECONDS: Final = 120.0
"""Seconds for what a person would type."""
_AFTERTHOUGHT_SECONDS: Final = 8.0
"""Seconds between typed commands and the look at the site. A flapping site looks right for a shorter time."""


def typed(playbook: Playbook, trial: Trial, host: Host, shell: RootShell) -> Typed:
    """Type the runbook's commands on the same broken host, and judge it alike."""
    observer = Observer(shell, host)
    pristine = observer.observe()
    for fault in trial.faults:
        fault.inject(shell)
    kept = keepsakes(shell, trial.faults)
    ended_well = [_ends_well(shell, line) for line in playbook.runbook(host)]  # all of them, even after a failure
    sleep(_AFTERTHOUGHT_SECONDS)
    after = observer.observe()
    was, now = bystanders(pristine, trial.disturbed), bystanders(after, trial.disturbed)
    broken = {key: entry for key, entry in pristine.items() if key not in was}
    gone = differences(broken, {key: entry for key, entry in after.items() if key not in now}, trial.disturbed)
    return Typed(
        claimed=all(ended_well),
        well=not observer.site() and not gone,
        harm=(*differences(was, now, ()), *(f"lost: {each}" for each in missing(kept, shell, trial.faults))),
    )


def _ends_well(shell: RootShell, line: str) -> bool:
    try:
        return shell.exec(("/bin/bash", "-c", line), timeout=TYPED_SECONDS).returncode == 0
    except StagingError:  # the command hangs: the person who typed it sees that, and the playbook is not to blame
        return False
