"""The renewal of a certificate: command, arguments, proof."""

import pytest

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.host import Settings
from remediate.core.probe import Fact
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.acme import Authority, Challenge
from remediate.probes.certbot import IssuedState, RenewalState
from remediate.probes.certificate import ServedCertificate
from remediate.probes.x509 import CertificateInfo
from remediate.remedies.certificate import RenewCertificate
from support import certificate_examples as exc
from support.lineages import DUE, EXPIRED, FORCE, NAME, NEW, REMEDY, RENEW, facts, host
from support.render import surveyed


@pytest.mark.parametrize(
    ("renewal", "step"),
    [
        (exc.BY_WEBROOT, RENEW),
        (exc.BY_WEBROOT.model_copy(update={"before_days": 30.0}), RENEW),
        (exc.BY_WEBROOT.model_copy(update={"before_days": 5.0}), FORCE),
        (exc.BY_WEBROOT.model_copy(update={"enabled": False}), FORCE),
    ],
)
def test_it_forces_only_what_certbot_would_leave(renewal: RenewalState, step: Run) -> None:
    given = Facts(facts(DUE, renewal=renewal))
    assert list(REMEDY.apply(given)) == [step]
    assert ("forced" in REMEDY.guard(given).reason) is (step == FORCE)


def test_what_proves_it() -> None:
    def seen(disk: CertificateInfo, **given: Fact | Unreadable) -> Facts:
        return surveyed(facts(EXPIRED, disk, **given))

    before = seen(EXPIRED)
    told = REMEDY.verify(before, seen(NEW))
    assert isinstance(told, Proven)
    assert told.evidence == "serial 4A12 is on disk, until 2027-02-21, its chain trusted, other lineages untouched"
    assert isinstance(REMEDY.verify(before, before), NotYet)
    stranger = (*exc.issued(80, 20).certificates, *exc.issued(0, lineage="other.org").certificates)
    others = REMEDY.verify(before, seen(NEW, issued=IssuedState(certificates=stranger)))
    assert others == Failed(reason="other lineages were issued certificates as well")
    own = IssuedState(certificates=(*exc.issued(80, 20, 0).certificates,))
    assert isinstance(REMEDY.verify(before, seen(NEW, issued=own)), Proven)
    assert not isinstance(REMEDY.verify(before, seen(NEW, chain=exc.SELF_SIGNED)), Proven)
    assert not isinstance(REMEDY.verify(before, seen(exc.certificate(left=20, serial="4A12"))), Proven)


def test_what_it_may_run() -> None:
    extra = REMEDY.model_copy(update={"acme_args": ("--server", "https://ca.example.com/dir")})
    assert REMEDY.changes() == (RENEW, FORCE)
    assert [run.argv[6:] for run in extra.changes()] == [
        ("--server", "https://ca.example.com/dir"),
        ("--force-renewal", "--server", "https://ca.example.com/dir"),
    ]
    for words in (("--server", "https://ca.example.com/dir"), ("--server=https://ca.example.com/dir",)):
        (asked,) = (
            each for each in REMEDY.model_copy(update={"acme_args": words}).probes() if isinstance(each, Authority)
        )
        assert asked.server == "https://ca.example.com/dir"
    assert {str(run) for run in REMEDY.privileges()} >= {
        "sudo -n /usr/bin/cat /etc/letsencrypt/live/example.com/fullchain.pem",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--force-renewal"], ["--deploy-hook=reboot"], ["--pre-hook"], ["--cert-name", "x"], ["--staging"]),
        *(["--manual-auth-hook", "/home/forge/x"], ["--config", "/home/forge/x.ini"], ["-c", "/home/forge/x.ini"]),
        *(["-c/home/forge/x.ini"], ["--config-dir=/home/forge"], ["--pre-hoo=x"], ["--authenticator=manual"]),
        *(["--server", "--pre-hook", "x"], ["--server", "-c"], ["--server=-c"], ["--server"], ["--server="]),
        *(["--server", "https://ca.example.com/", "x"], ["--serve=x"], ["x"], ["a b"], [""], ["x\ny"], ["$(id)"]),
    ],
)
def test_arguments_that_no_inventory_may_give(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match="acme_args"):
        Settings.model_validate({"certificate": {"name": NAME, "domain": NAME, "acme_args": arguments}})
    with pytest.raises(ValueError, match="acme_args"):
        RenewCertificate(name=NAME, domain=NAME, acme_args=tuple(arguments))


def test_arguments_that_an_inventory_may_give() -> None:
    words = [
        "--server",
        "https://ca.example.com/dir",
        "--preferred-chain=Root",
        "--key-type",
        "rsa",
        "--rsa-key-size=4096",
    ]
    settings = Settings.model_validate({"certificate": {"name": NAME, "domain": NAME, "acme_args": words}})
    assert settings.certificate is not None
    assert settings.certificate.acme_args == tuple(words)


def test_the_inventory_says_which() -> None:
    assert RenewCertificate.on(host()).probes() == (
        *(REMEDY.probes()),
        Challenge(domain=NAME, asked_from=Vantage.CONTROLLER),
    )
    inside = RenewCertificate.on(host(site_vantage=["host"]))
    assert {probe.vantage for probe in inside.probes()} == {Vantage.HOST}
    # Where DNS is not the truth, nobody here knows where port 80 is.
    pinned = RenewCertificate.on(host(site_resolve="192.0.2.7:443"))
    assert pinned.challenged_from == (Vantage.HOST,)
    elsewhere = RenewCertificate.on(host(), domain="www.example.com")
    assert {probe.domain for probe in elsewhere.probes() if isinstance(probe, Challenge)} == {"www.example.com"}
    with pytest.raises(ConfigurationError, match=r"certificate\.renew"):
        RenewCertificate.on(host(certificate=None))
    with pytest.raises(ConfigurationError, match=r"remediate\.certificate is not set"):
        ServedCertificate.of(host(certificate=None))


def test_every_reason_to_refuse_is_reached() -> None:
    tested = {"other-lineage", "certificate-not-managed", "certbot-busy", "acme-unreachable", "issuance-limit"}
    tested |= {"challenge-unreachable", "config-broken", "config-unchecked", "wrong-name", "clocks-differ"}
    tested |= {"authority-unknown-here", "nginx-down", "server-name-conflict"}
    assert {code.name for code in RenewCertificate.refusals} == {*tested, "certificate-untrusted"}
