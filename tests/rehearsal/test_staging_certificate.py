"""Certificates of a real host: a private authority, and a duplicate server name."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remediate.rehearsal.faults import Fault, LineageReplaced, NameTaken

if TYPE_CHECKING:
    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = pytest.mark.container

NAME = "staging.example.com"
CA = "/etc/ssl/own-authority.pem"
EXPIRED = LineageReplaced(name=NAME, domain=NAME, began=93, ends=-3, own=CA)
HEALTHY = LineageReplaced(name=NAME, domain=NAME, began=1, ends=80, own=CA)


@pytest.fixture
def broken(staged: "Staged", request: pytest.FixtureRequest) -> Iterator[Fault]:
    fault: Fault = request.param
    fault.inject(staged.host)
    staged.mark()
    yield fault
    fault.undo(staged.host)


def ask(cli: "Cli", kind: str, inventory: Path, *flags: str) -> "Ended":
    target = ("--host", cli.staged.name, "--inventory", str(inventory))
    return cli("invoke", kind, *target, "--json", "--hold", "1", *flags)


def said(ended: "Ended") -> str:
    """Return what a person reads, on one line."""
    return " ".join(ended.err.split())


def trusting(staged: "Staged") -> Path:
    """Write an inventory that names the authority on the host, and on this machine beside the usual ones."""
    own = staged.host.ca.with_name("own-authority.pem")
    own.write_text(f"{staged.host.ca.read_text()}{staged.sh(f'cat {CA}')}")
    certificate = {"name": NAME, "domain": NAME, "port": 443, "ca": CA}
    return staged.inventory_with(certificate=certificate, site_ca=str(own))


@pytest.mark.parametrize("broken", [EXPIRED], indirect=True)
def test_what_could_not_be_loaded_is_not_renewed(staged: "Staged", cli: "Cli", broken: Fault) -> None:
    everything = staged.bystanders()
    ended = ask(cli, "fix.certificate-expiry", staged.inventory)
    ended.refused("certificate-untrusted")
    assert "remediate.certificate.ca" in ended.err
    assert staged.bystanders() == everything
    assert not staged.sh("ls /var/log/letsencrypt").split()


@pytest.mark.parametrize("broken", [HEALTHY], indirect=True)
def test_a_healthy_host_with_an_authority_of_its_own(staged: "Staged", cli: "Cli", broken: Fault) -> None:
    everything = staged.bystanders()
    inventory = trusting(staged)
    for kind in ("certificate-expiry", "app-down", "payments-failing"):
        ask(cli, f"fix.{kind}", inventory).is_("healthy", 0)
    assert staged.bystanders() == everything
    ask(cli, "fix.certificate-expiry", staged.inventory).refused("certificate-untrusted")
    certificate = {"name": NAME, "domain": NAME, "ca": CA}
    here = staged.inventory_with(certificate=certificate)
    ask(cli, "fix.certificate-expiry", here).refused("authority-unknown-here")
    staged.sh(f"chmod 000 {CA}")
    told = ask(cli, "check.app-down", trusting(staged))
    told.refused("unreadable")
    assert "(certificate.ca) cannot be read" in said(told)


@pytest.mark.parametrize("broken", [EXPIRED], indirect=True)
def test_an_expired_one_of_an_authority_that_is_named(staged: "Staged", cli: "Cli", broken: Fault) -> None:
    inventory = trusting(staged)
    script = cli("invoke", "sudoers", "--host", cli.staged.name, "--inventory", str(inventory), "--script")
    staged.sh(script.out)
    ended = ask(cli, "fix.certificate-expiry", inventory)
    host = ended.is_("fixed", 0, touched="yes")
    assert [step.remedy for step in host.steps if step.changed] == ["certificate.renew", "nginx.reload"]
    assert ended.note(f"chain of {NAME}") == "trusted"
    staged.serves()


@pytest.mark.parametrize("broken", [NameTaken(domain=NAME)], indirect=True)
def test_a_name_of_two_server_blocks(staged: "Staged", cli: "Cli", broken: Fault) -> None:
    everything = staged.bystanders()
    for kind in ("certificate-expiry", "app-down"):
        ended = ask(cli, f"fix.{kind}", staged.inventory)
        ended.refused("server-name-conflict")
        assert f"conflicting server name {NAME} on 0.0.0.0:443" in ended.note("nginx -t")
        assert "remove the name from the wrong ones" in said(ended)
        assert "hosting panel" not in said(ended)
    assert staged.bystanders() == everything
