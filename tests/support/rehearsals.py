"""A project whose rehearsals are asked for by command."""

import textwrap
from pathlib import Path

import pytest

from remediate.commands.rehearse import rehearse_playbooks
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from support.printed import Printed

OWN = "own:\n  hosts:\n    web1: {ansible_host: 192.0.2.1}\n    web2: {}\n  vars: {remediate: {SETTINGS}}\n"
GOOD = (
    "production: false, disposable: true, php: php8.2, app_path: /srv/app, worker_program: agency-worker,"
    " site_url: 'https://example.com/'"
)


class Asked(Printed):
    """A project, and what its command says."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.project = Project(root)
        self.root = root

    def __call__(self, *names: str, **flags: object) -> int:
        return rehearse_playbooks(names or ("app-down",), flags, self.project, self.terminal)

    def usage(self, *names: str, **flags: object) -> str:
        with pytest.raises(ConfigurationError) as caught:
            self(*names, **flags)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def playbook(self, name: str, text: str) -> None:
        (self.root / "playbooks").mkdir(exist_ok=True)
        head = "from remediate.core.playbook import Severity, playbook\n"
        (self.root / "playbooks" / f"{name}.py").write_text(head + textwrap.dedent(text))

    def inventory(self, settings: str) -> str:
        path = self.root / "own.yml"
        path.write_text(OWN.replace("SETTINGS", settings))
        return str(path)
