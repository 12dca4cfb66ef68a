"""The staging host of the bench, and the files that tell each tool how to reach it."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from bench.environments import ROOT, mitogen_strategies
from remediate.commands.privileges import script_of
from remediate.core.batches import askings
from remediate.core.vantage import Vantage
from remediate.engine.fleet import select
from remediate.engine.judge import CLOCK, RULES
from remediate.project.project import Project
from remediate.rehearsal.staging import StagingHost, down, up
from remediate.transport.script import build

WORK: Final = ROOT / ".bench"
ENVIRONMENTS: Final = WORK / "env"
_NAME: Final = "bench"
_STAGING: Final = ROOT / ".staging"
_INVENTORY: Final = WORK / "inventories"
_PREPARE: Final = """
cat > /etc/ssh/sshd_config.d/bench.conf <<'END'
MaxStartups 1000
MaxSessions 1000
PermitRootLogin prohibit-password
AllowUsers root
END
install -d -m 700 /root/.ssh
cp /home/forge/.ssh/authorized_keys /root/.ssh/authorized_keys
systemctl reload ssh
cat /etc/ssh/ssh_host_ed25519_key.pub
"""
_SSH_CONFIG: Final = """
Host h*
  HostName 127.0.0.1
  Port {port}
  User forge
  IdentityFile {key}
  IdentitiesOnly yes
  PreferredAuthentications publickey
  UserKnownHostsFile {known}
  GlobalKnownHostsFile /dev/null
  HostKeyAlias bench
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
"""
_PYINFRA: Final = """
data = {{"ssh_hostname": "127.0.0.1", "ssh_port": {port}, "ssh_user": "forge", "ssh_key": "{key}",
        "ssh_known_hosts_file": "{known}", "ssh_strict_host_key_checking": "yes", "ssh_allow_agent": False,
        "ssh_look_for_keys": False}}
servers = [(name, data) for name in {names!r}]
"""
_WORD: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Target:
    """A number of names of the staging host, all over one port: what the words of a case stand for."""

    words: Mapping[str, str]

    def fill(self, text: str) -> str:
        """Return the text with its words; other braces stay."""
        return _WORD.sub(lambda found: self.words.get(found[1], found[0]), text)


@dataclass(frozen=True)
class Place:
    """The staging host, ready to be asked by every tool."""

    staging: StagingHost
    host_key: str
    settings: Mapping[str, Any]
    sockets: Path

    def target(self, hosts: int, ssh: int, https: int) -> Target:
        """Write the files for that many names behind these two ports."""
        folder = WORK / "targets" / f"{hosts}-{ssh}"
        folder.mkdir(parents=True, exist_ok=True)
        names = [f"h{number:03}" for number in range(1, hosts + 1)]
        key, known = str(self.staging.key), folder / "known_hosts"
        known.write_text(f"bench {self.host_key}\n[127.0.0.1]:{ssh} {self.host_key}\n")
        filled = {"port": ssh, "key": key, "known": known, "names": names}
        (folder / "ssh_config").write_text(_SSH_CONFIG.format(**filled))
        (folder / "hosts.py").write_text(_PYINFRA.format(**filled))
        (folder / "hosts").write_text("\n".join(names) + "\n")
        (folder / "hosts.ini").write_text("[servers]\n" + "\n".join(names) + "\n")
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": ssh,
            "ansible_user": "forge",
            "ansible_ssh_private_key_file": key,
            "remediate": {**self.settings, "site_resolve": f"127.0.0.1:{https}"},
        }
        inventory = {"servers": {"hosts": dict.fromkeys(names), "vars": variables}}
        (folder / "servers.yml").write_text(yaml.safe_dump(inventory))
        return Target(
            {
                "work": str(WORK),
                "env": str(ENVIRONMENTS),
                "scripts": str(Path(__file__).parent / "scripts"),
                "mitogen": str(mitogen_strategies(ENVIRONMENTS)),
                "sockets": str(self.sockets),
                "survey": str(WORK / "survey.sh"),
                "port": str(ssh),
                "key": key,
                "hosts": str(folder / "hosts"),
                "ssh_config": str(folder / "ssh_config"),
                "pyinfra_inventory": str(folder / "hosts.py"),
                "ansible_inventory": str(folder / "hosts.ini"),
                "inventory": str(folder / "servers.yml"),
            }
        )


@contextmanager
def staging_host(sockets: Path) -> Iterator[Place]:
    """Boot a staging host for the bench alone, let every tool in, and remove it at the end."""
    WORK.mkdir(exist_ok=True)
    for each in ("targets", "state", "home"):
        shutil.rmtree(WORK / each, ignore_errors=True)
        (WORK / each).mkdir()
    # A project of its own: without the inventories of this checkout, and with the playbooks that are installed.
    (WORK / "pyproject.toml").write_text('[tool.remediate]\ninventories = "inventories"\n')
    project = Project(ROOT)

    def installation(name: str) -> str:
        (host,) = select(name, sorted(_INVENTORY.glob("*.yml")))
        return script_of(host, project)

    try:
        staging = up(_NAME, directory=_STAGING, inventory=_INVENTORY, installation=installation, fresh=True)
        public = staging.script(_PREPARE).split()
        _write_survey(project)
        yield Place(staging, " ".join(public[:2]), _settings(staging), sockets)
    finally:
        down(_NAME, directory=_STAGING)


def _settings(staging: StagingHost) -> dict[str, Any]:
    of_the_group = yaml.safe_load(staging.placement.group_file.read_text())["staging"]["vars"]["remediate"]
    of_the_host = yaml.safe_load(staging.placement.variables.read_text())["remediate"]
    return {**of_the_group, **of_the_host}


def _write_survey(project: Project) -> None:
    """Write the script of app-down's survey, for a tool that only sends it."""
    (host,) = select(_NAME, sorted(_INVENTORY.glob("*.yml")))
    probes = (*project.load("app-down")(host).probes(), CLOCK, RULES)
    asked = askings([each for each in dict.fromkeys(probes) if each.vantage is Vantage.HOST], together=True)
    script = build("0" * 32, [each.run for each in asked]).decode()
    (WORK / "survey.sh").write_text(f"/bin/sh -s <<'END-OF-SURVEY'\n{script}END-OF-SURVEY\n")
