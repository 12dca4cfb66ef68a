"""A host with an ssh configuration of its own (`-F FILE`, as Vagrant writes it) is entered by that file alone."""

import pytest

from remediate.commands.privileges import sudoers_of
from remediate.core.host import Host
from remediate.engine.fleet import select
from remediate.errors import Unreachable, UnreachableCode
from remediate.project.project import Project
from support.sshd import USER, Connect, Lab, keygen, run


def stated(lab: Lab, file: str, usual: str = "") -> Host:
    """Return the host of an inventory that names a file with this text, beside the usual configuration."""
    lab.configure(usual)
    (lab.folder / "vagrant").write_text(file)
    inventory = lab.folder / "inventory.yml"
    remediate = 'remediate: {site_url: "https://example.com/", php: php8.3}'
    inventory.write_text(f'all: {{hosts: {{web1: {{ansible_ssh_common_args: "-F vagrant", {remediate}}}}}}}\n')
    (host,) = select("web1", inventory)
    return host


def entry(lab: Lab, port: int, user: str = USER, more: str = "") -> str:
    return f"Host web1\n HostName 127.0.0.1\n Port {port}\n User {user}\n IdentityFile {lab.key}\n{more}"


def test_the_host_of_that_file_is_entered_and_not_the_usual_one(lab: Lab, connect: Connect) -> None:
    meant, usual = lab.sshd(), lab.sshd()
    host = stated(lab, entry(lab, meant.port), entry(lab, usual.port))
    with connect(host.ssh) as link:
        shown, code, _ = run(link, "echo $SSH_CONNECTION")
    assert (shown.split()[3], code) == (str(meant.port).encode(), 0)
    assert "Accepted" not in usual.log


def test_its_jump_hosts_are_those_of_that_file(lab: Lab, connect: Connect) -> None:
    jump, meant = lab.sshd(), lab.sshd()
    bastion = f"Host bastion\n HostName 127.0.0.1\n Port {jump.port}\n User {USER}\n IdentityFile {lab.key}\n"
    host = stated(lab, entry(lab, meant.port, more=" ProxyJump bastion\n") + bastion)
    with connect(host.ssh) as link:
        assert run(link, "echo through")[0] == b"through\n"
    assert "direct-tcpip" in jump.log


def test_a_file_that_is_not_there_is_not_passed_over(lab: Lab, connect: Connect) -> None:
    host = stated(lab, "")
    (lab.folder / "vagrant").unlink()
    with pytest.raises(Exception, match="vagrant") as error:
        connect(host.ssh)
    assert "\n" not in str(error.value)


def test_the_key_that_the_usual_file_names_is_not_offered(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    other = keygen(lab.folder / "other")
    host = stated(lab, entry(lab, server.port).replace(str(lab.key), str(other)), entry(lab, server.port))
    with pytest.raises(Unreachable) as error:
        connect(host.ssh)
    assert error.value.code is UnreachableCode.AUTHENTICATION


def test_the_rules_are_for_whom_that_file_logs_in(lab: Lab) -> None:
    host = stated(lab, entry(lab, 22, "vagrant"), entry(lab, 22, "deploy"))
    lines = sudoers_of(host, Project(None)).splitlines()
    assert {line.split()[0] for line in lines if not line.startswith("#")} == {"vagrant"}
