"""certificate-expiry from the first look to the verdict, on a scripted host."""

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.core.host import Settings
from remediate.core.outcome import RunVerdict, Touched
from remediate.errors import ConfigurationError
from remediate.playbooks.certificate_expiry import certificate_expiry
from remediate.probes.certificate import LineageChain, ServedCertificate
from remediate.probes.http import Site
from remediate.probes.nginx import NginxConfig
from remediate.probes.x509 import CertificateInfo
from remediate.remedies.certificate import RenewCertificate
from remediate.testing import play
from support import certificate_examples as exc
from support import examples as ex
from support.certificate_incidents import (
    DUE,
    EXPIRED,
    GOOD,
    HERE,
    HOST,
    LOADED,
    NAME,
    PAGES,
    RENEWED,
    THERE,
    having,
)
from support.outcomes import told
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

RENEW, _ = RenewCertificate(name=NAME, domain=NAME).changes()
RELOAD = Run.of("/usr/bin/systemctl", "reload", "nginx.service", user=ROOT, seconds=30)


LEFT = {"certificate.panel": "skip", "incident.hand-over": "skip"}


@pytest.mark.parametrize("certificate", [EXPIRED, DUE])
def test_it_is_renewed_then_loaded_then_held(certificate: CertificateInfo) -> None:
    session = FactSession(having(certificate), RENEWED, LOADED)
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.FIXED, Touched.YES), outcome.error
    assert dict(told(outcome)) == {"certificate.renew": "proven", "nginx.reload": "proven", **LEFT}
    assert (session.ran, session.execs) == ([RENEW, RELOAD], 5)


def test_what_was_renewed_already_is_only_loaded() -> None:
    session = FactSession({**having(EXPIRED), **RENEWED}, LOADED)
    outcome = play(certificate_expiry, session, host=HOST)
    assert outcome.verdict is RunVerdict.FIXED
    assert dict(told(outcome)) == {"certificate.renew": "skip", "nginx.reload": "proven", **LEFT}
    assert session.ran == [RELOAD]


def test_a_second_run_changes_nothing() -> None:
    session = FactSession({**having(EXPIRED), **RENEWED, **LOADED})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, session.acts) == (RunVerdict.HEALTHY, [])


def test_a_renewal_that_brings_nothing_is_not_fixed() -> None:
    # certbot ends with 0 also when it renewed nothing.
    for output in (Output(), Output(exit=1, stderr="Some challenges have failed.")):
        session = FactSession(having(EXPIRED), {RENEW: output})
        outcome = play(certificate_expiry, session, host=HOST)
        assert (outcome.verdict, session.ran) == (RunVerdict.NOT_FIXED, [RENEW])
        assert dict(told(outcome)) == {"certificate.renew": "failed", "nginx.reload": "skip", **LEFT}


def test_a_reload_that_nginx_did_not_take_is_not_fixed() -> None:
    session = FactSession(having(EXPIRED), RENEWED, {})
    outcome = play(certificate_expiry, session, host=HOST)
    assert outcome.verdict is RunVerdict.NOT_FIXED
    assert dict(told(outcome))["nginx.reload"] == "failed"


def test_nginx_broken_while_certbot_was_at_work_is_not_loaded_by_force() -> None:
    session = FactSession(having(EXPIRED), {**RENEWED, NginxConfig(): ex.BROKEN_CONFIG})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, session.ran) == (RunVerdict.NOT_FIXED, [RENEW])
    assert dict(told(outcome))["nginx.reload"] == "config-broken"


def test_a_healthy_host_with_an_authority_of_its_own_is_healthy() -> None:
    certificate = {"name": NAME, "domain": NAME, "ca": "/etc/ssl/own.pem"}
    settings = {**HOST.settings.model_dump(), "certificate": certificate, "site_ca": "/home/ana/own.pem"}
    own = HOST.model_copy(update={"settings": Settings.model_validate(settings)})
    here, there = ServedCertificate.of(own)
    assert (str(here.ca_file), str(there.ca_file)) == ("/etc/ssl/own.pem", "/home/ana/own.pem")
    asked = certificate_expiry(own).probes()
    assert {each.ca for each in asked if isinstance(each, LineageChain)} == {"/etc/ssl/own.pem"}
    answers: Changes = {
        **having(GOOD),
        here: exc.served(here, GOOD),
        there: exc.served(there, GOOD),
        **dict.fromkeys(Site.of(own), ex.page()),
        LineageChain(name=NAME, ca="/etc/ssl/own.pem"): exc.TRUSTED,
    }
    outcome = play(certificate_expiry, FactSession(answers), host=own)
    assert (outcome.verdict, outcome.error) == (RunVerdict.HEALTHY, None)
    stranger = exc.served(there, GOOD, verify=20)
    outcome = play(certificate_expiry, FactSession({**answers, there: stranger}), host=own)
    assert outcome.error is not None
    assert outcome.error.code == "authority-unknown-here"


def test_without_a_certificate_in_the_inventory_there_is_none_to_expire() -> None:
    bare = HOST.model_copy(update={"settings": Settings.model_validate({"site_url": "https://example.com/"})})
    with pytest.raises(ConfigurationError, match=r"remediate\.certificate is not set"):
        certificate_expiry(bare)


def test_a_plain_site_has_no_page_over_https() -> None:
    assert certificate_expiry(HOST).symptoms == (HERE, THERE, *PAGES)
    plain = HOST.settings.model_copy(update={"site_url": None})
    assert certificate_expiry(HOST.model_copy(update={"settings": plain})).symptoms == (HERE, THERE)
