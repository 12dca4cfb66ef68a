"""How the playbooks were rehearsed and used, from their records and the journal."""

from collections.abc import Sequence

from remediate.maintenance.items.runbook_review import Use
from remediate.project import Project


def uses(project: Project) -> Sequence[Use]:
    """Return what is known of every playbook. Raises ConfigurationError, JournalError."""
    raise NotImplementedError
