"""A chat command that looks at a host: `check app-down web1`. It never changes anything.

Call `answer` from the handler of your chat's library. From a terminal: `python chat_command.py check app-down web1`.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import remediate
from remediate.playbooks.app_down import app_down
from remediate.playbooks.database_down import database_down

INVENTORY: Final = Path("inventories/prod.yml")
PLAYBOOKS: Final[Mapping[str, remediate.Playbook]] = {each.name: each for each in (app_down, database_down)}


def answer(text: str) -> str:
    """Return the answer to one message. What was typed is compared with names, and used for nothing else."""
    words = text.split()
    if len(words) != 3 or words[0] != "check" or words[1] not in PLAYBOOKS:
        return f"usage: check {'|'.join(PLAYBOOKS)} HOST"
    _, playbook, host = words
    try:
        if host not in remediate.Inventory.load([INVENTORY]).host_names:  # a pattern or a group is none
            return "There is no such host in the inventory. Nothing was asked."
        report = remediate.run(
            PLAYBOOKS[playbook], host, inventory=INVENTORY, options=remediate.Options(plan=True, timeout=60)
        )
    except remediate.RemediateError as error:
        return str(error)
    return "\n".join(line for outcome in report.hosts for line in _lines(playbook, outcome))


def _lines(playbook: str, outcome: remediate.HostOutcome) -> Iterator[str]:
    yield f"{outcome.name}: {outcome.verdict.value} ({playbook})"
    if outcome.error is not None:
        yield outcome.error.message
    for step in outcome.steps:
        if step.commands:
            yield f"would fix {step.title}: {step.why}"
    if outcome.verdict is remediate.RunVerdict.PENDING:
        yield f"Nothing was changed. To fix it: remediate fix.{playbook} --host {outcome.name}"


if __name__ == "__main__":
    print(answer(" ".join(sys.argv[1:])))
