"""certificate-expiry from the first look to the verdict, on a scripted host."""

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict, Touched
from remediate.core.playbook import Severity
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.playbooks.certificate_expiry import certificate_expiry
from remediate.probes.acme import Authority, Challenge
from remediate.probes.certbot import CertbotLog, CertbotRunning, Issuances, Renewal
from remediate.probes.certificate import LineageCertificate, LineageChain, LineageState, ServedCertificate
from remediate.probes.config import NameConflict
from remediate.probes.filesystems import DiskSpace
from remediate.probes.http import HttpFailure, Site
from remediate.probes.nginx import NginxConfig, NginxLog, NginxWorkerPids, NginxWorkers
from remediate.probes.nginx_config import NginxCertificate, ServerCertificate
from remediate.probes.systemd import Unit
from remediate.probes.x509 import CertificateInfo
from remediate.rehearsal.case import Expected
from remediate.remedies.certificate import RenewCertificate
from remediate.testing import play
from remediate.triage.triage import triage
from support import examples as ex
from support import load_examples as exl
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

NAME = "example.com"
HOST = Host(
    name="web1",
    ssh=SshTarget(address="192.0.2.1"),
    settings=Settings.model_validate(
        {
            "site_url": "https://example.com/",
            "php": "php8.2",
            "certificate": {"name": NAME, "domain": NAME},
            "links": {"forge": "https://forge.example.com/servers/4711"},
        }
    ),
)
HERE, THERE = ServedCertificate.of(HOST)
PAGES = Site.of(HOST)
DISK, RENEWAL, AUTHORITY = LineageCertificate(name=NAME), Renewal(name=NAME), Authority(name=NAME)
CHALLENGES = tuple(Challenge(domain=NAME, asked_from=each) for each in Vantage)
FILE, NGINX = NginxCertificate(domain=NAME), Unit(name="nginx")
OWN = ServerCertificate(files=(f"/etc/letsencrypt/live/{NAME}/fullchain.pem",))
PANEL = ServerCertificate(files=("/etc/nginx/ssl/example.com/4711/server.crt",))
GOOD, DUE, EXPIRED = ex.certificate(), ex.certificate(left=10), ex.certificate(left=-3)
NEW = ex.certificate(left=90, serial="4A12")
RENEW, _ = RenewCertificate(name=NAME, domain=NAME).changes()
RELOAD = Run.of("/usr/bin/systemctl", "reload", "nginx.service", user=ROOT, seconds=30)


def serving(certificate: CertificateInfo, *workers: int) -> Changes:
    """Say what everybody sees while this certificate is served."""
    fine = certificate.serial == "4A12" or certificate in (GOOD, DUE)
    page = ex.page() if fine else ex.no_page(HttpFailure.CERTIFICATE)
    return {
        **{each: ex.served(each, certificate) for each in (HERE, THERE)},
        **dict.fromkeys(PAGES, page),
        NginxWorkers(): NginxWorkerPids(pids=workers or (80, 82)),
    }


def on_disk(certificate: CertificateInfo, *issued: float) -> Changes:
    return {DISK: LineageState(certificate=certificate), Issuances(): ex.issued(*(issued or (80, 20)))}


def having(certificate: CertificateInfo) -> Changes:
    """Say how a host answers that serves this certificate, and has the same one on disk."""
    return {
        **serving(certificate),
        **on_disk(certificate),
        LineageChain(name=NAME): ex.TRUSTED,
        RENEWAL: ex.BY_WEBROOT,
        NginxConfig(): ex.SOUND,
        FILE: OWN,
        CertbotRunning(): ex.NO_CERTBOT,
        AUTHORITY: ex.AUTHORITY,
        **dict.fromkeys(CHALLENGES, ex.CHALLENGE),
        NGINX: ex.RUNNING,
        Unit(name="php8.2-fpm"): ex.RUNNING,
        DiskSpace(): exl.ROOM,
        NginxLog(): ex.NO_ERRORS,
        CertbotLog(): ex.NO_LINES,
    }


RENEWED: Changes = on_disk(NEW, 80, 20, 0)
LOADED: Changes = serving(NEW, 91, 92)


def told(outcome: HostOutcome) -> dict[str, str | None]:
    """Say what became of each remedy."""
    return {
        step.remedy: step.verified.value if step.verified else step.code or step.decision.value
        for step in outcome.steps
    }


LEFT = {"certificate.panel": "skip", "incident.hand-over": "skip"}


def test_every_question_is_stated_here() -> None:
    assert {probe for probe in certificate_expiry(HOST).probes() if probe not in having(GOOD)} == set()
    assert certificate_expiry(HOST).symptoms == (HERE, THERE, *PAGES)


@pytest.mark.parametrize("certificate", [GOOD, ex.certificate(left=31)])
def test_a_good_certificate_is_left_alone_after_one_look(certificate: CertificateInfo) -> None:
    session = FactSession({**having(certificate), **serving(GOOD)})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, outcome.touched, session.execs) == (RunVerdict.HEALTHY, Touched.NO, 1)


@pytest.mark.parametrize("certificate", [EXPIRED, DUE])
def test_it_is_renewed_then_loaded_then_held(certificate: CertificateInfo) -> None:
    session = FactSession(having(certificate), RENEWED, LOADED)
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.FIXED, Touched.YES), outcome.error
    assert told(outcome) == {"certificate.renew": "proven", "nginx.reload": "proven", **LEFT}
    assert (session.ran, session.execs) == ([RENEW, RELOAD], 5)


def test_what_was_renewed_already_is_only_loaded() -> None:
    session = FactSession({**having(EXPIRED), **RENEWED}, LOADED)
    outcome = play(certificate_expiry, session, host=HOST)
    assert outcome.verdict is RunVerdict.FIXED
    assert told(outcome) == {"certificate.renew": "skip", "nginx.reload": "proven", **LEFT}
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
        assert told(outcome) == {"certificate.renew": "failed", "nginx.reload": "skip", **LEFT}


def test_a_reload_that_nginx_did_not_take_is_not_fixed() -> None:
    session = FactSession(having(EXPIRED), RENEWED, {})
    outcome = play(certificate_expiry, session, host=HOST)
    assert outcome.verdict is RunVerdict.NOT_FIXED
    assert told(outcome)["nginx.reload"] == "failed"


def test_nginx_broken_while_certbot_was_at_work_is_not_loaded_by_force() -> None:
    session = FactSession(having(EXPIRED), {**RENEWED, NginxConfig(): ex.BROKEN_CONFIG})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, session.ran) == (RunVerdict.NOT_FIXED, [RENEW])
    assert told(outcome)["nginx.reload"] == "config-broken"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({AUTHORITY: ex.AUTHORITY_GONE}, "acme-unreachable"),
        ({NginxConfig(): ex.BROKEN_CONFIG}, "config-broken"),
        ({CertbotRunning(): ex.CERTBOT_AT_WORK}, "certbot-busy"),
        ({Issuances(): ex.issued(4, 3, 2, 1)}, "issuance-limit"),
        ({Challenge(domain=NAME): ex.CHALLENGE.model_copy(update={"status": 403})}, "challenge-unreachable"),
        (
            {Challenge(domain=NAME, asked_from=Vantage.CONTROLLER): ex.CHALLENGE.model_copy(update={"status": 403})},
            "challenge-unreachable",
        ),
        ({RENEWAL: Unreadable("closed")}, "unreadable"),
        ({THERE: Unreadable("no network")}, "unreadable"),
    ],
)
def test_what_is_in_the_way_is_named_and_nothing_is_changed(change: Changes, code: str) -> None:
    session = FactSession({**having(EXPIRED), **change})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, outcome.touched, session.acts) == (RunVerdict.REFUSED, Touched.NO, [])
    assert outcome.error is not None
    assert outcome.error.code == code


def test_a_challenge_may_be_tried_all_the_same() -> None:
    shut: Changes = {Challenge(domain=NAME): ex.CHALLENGE.model_copy(update={"status": 403})}
    session = FactSession({**having(EXPIRED), **shut}, RENEWED, LOADED)
    options = Options(yes=True, hold=0, overrides={"challenge-unreachable": "a proxy answers it"})
    assert play(certificate_expiry, session, host=HOST, options=options).verdict is RunVerdict.FIXED


@pytest.mark.parametrize("change", [{RENEWAL: ex.NO_LINEAGE, DISK: Unreadable("none")}, {FILE: PANEL}])
def test_a_certificate_of_the_panel_is_for_a_person(change: Changes) -> None:
    session = FactSession({**having(DUE), **change})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    assert told(outcome)["certificate.renew"] == "certificate-not-managed"
    step = next(step for step in outcome.steps if step.remedy == "certificate.panel")
    assert step.code == "human-step"
    assert step.why.endswith("at the hosting panel: https://forge.example.com/servers/4711")


def test_a_name_of_several_server_blocks_is_not_sent_to_the_panel() -> None:
    conflict = NameConflict(name=NAME, address="0.0.0.0:443")
    twice: Changes = {NginxConfig(): ex.SOUND.model_copy(update={"conflicts": (conflict,)}), FILE: PANEL}
    session = FactSession({**having(DUE), **twice})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, session.acts) == (RunVerdict.REFUSED, [])
    assert told(outcome)["certificate.renew"] == "server-name-conflict"
    assert told(outcome)["certificate.panel"] == "skip"
    assert outcome.error is not None
    assert outcome.error.code == "server-name-conflict"


@pytest.mark.parametrize(
    ("status", "conflict", "expected"),
    [(200, True, None), (200, False, Severity.SEV3), (404, True, Severity.SEV1)],
)
def test_a_page_that_may_be_another_sites_says_nothing_about_the_severity(
    status: int, conflict: bool, expected: Severity | None
) -> None:
    """That it answers 200 made a name taken by another site look like a certificate that is only due."""
    taken = (NameConflict(name=NAME, address="0.0.0.0:443"),) if conflict else ()
    pages: Changes = dict.fromkeys(Site.of(HOST), ex.page(status))
    config: Changes = {NginxConfig(): ex.SOUND.model_copy(update={"conflicts": taken}), FILE: PANEL}
    session = FactSession({**having(DUE), **pages, **config})
    inside = HOST.settings.model_copy(update={"site_vantage": (Vantage.HOST,)})
    here = HOST.model_copy(update={"settings": inside})
    report = triage((here,), (certificate_expiry, app_down), connect=lambda _: session)
    assert report.assessment.severity is expected
    assert ("accessible" in report.assessment.open) is (expected is None)
    codes = {code for incident in report.hosts[0].incidents for code in incident.codes}
    assert ("server-name-conflict" in codes) is conflict


def test_what_would_not_be_loaded_is_not_renewed() -> None:
    untrusted: Changes = {LineageChain(name=NAME): ex.SELF_SIGNED, HERE: ex.served(HERE, EXPIRED, verify=18)}
    session = FactSession({**having(EXPIRED), **untrusted}, {**RENEWED, LineageChain(name=NAME): ex.SELF_SIGNED})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, session.acts) == (RunVerdict.REFUSED, [])
    assert outcome.error is not None
    assert outcome.error.code == "certificate-untrusted"
    # A person who knows better has it renewed, and what comes is judged for itself.
    options = Options(yes=True, hold=0, overrides={"certificate-untrusted": "the next one is Let's Encrypt's"})
    trusted: Changes = {LineageChain(name=NAME): ex.TRUSTED}
    session = FactSession({**having(EXPIRED), **untrusted}, {**RENEWED, **trusted}, LOADED)
    assert play(certificate_expiry, session, host=HOST, options=options).verdict is RunVerdict.FIXED
    session = FactSession({**having(EXPIRED), **untrusted}, RENEWED, LOADED)
    assert play(certificate_expiry, session, host=HOST, options=options).verdict is RunVerdict.NOT_FIXED


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
        here: ex.served(here, GOOD),
        there: ex.served(there, GOOD),
        **dict.fromkeys(Site.of(own), ex.page()),
        LineageChain(name=NAME, ca="/etc/ssl/own.pem"): ex.TRUSTED,
    }
    outcome = play(certificate_expiry, FactSession(answers), host=own)
    assert (outcome.verdict, outcome.error) == (RunVerdict.HEALTHY, None)
    stranger = ex.served(there, GOOD, verify=20)
    outcome = play(certificate_expiry, FactSession({**answers, there: stranger}), host=own)
    assert outcome.error is not None
    assert outcome.error.code == "authority-unknown-here"


def test_what_is_not_about_the_certificate_is_handed_over() -> None:
    bad: Changes = dict.fromkeys(PAGES, ex.page(502))
    outcome = play(certificate_expiry, FactSession({**having(GOOD), **bad, DiskSpace(): exl.NO_ROOM_AT_ALL}), host=HOST)
    assert (outcome.verdict, told(outcome)["incident.hand-over"]) == (RunVerdict.REFUSED, "high-load")
    stopped: Changes = {
        **{each: ex.unserved() for each in (HERE, THERE)},
        **dict.fromkeys(PAGES, ex.no_page()),
        NGINX: ex.STOPPED,
    }
    outcome = play(certificate_expiry, FactSession({**having(GOOD), **stopped}), host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    assert told(outcome) == {
        "certificate.renew": "skip",
        "nginx.reload": "nginx-down",
        "certificate.panel": "skip",
        "incident.hand-over": "app-down",
    }


def test_another_one_in_front_of_the_host_is_not_explained_away() -> None:
    session = FactSession({**having(GOOD), THERE: ex.served(THERE, EXPIRED)})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    assert outcome.error is not None
    assert outcome.error.code == "unexplained"
    assert "expired on 2026-11-20 (from the controller)" in outcome.error.message


def test_without_a_certificate_in_the_inventory_there_is_none_to_expire() -> None:
    bare = HOST.model_copy(update={"settings": Settings.model_validate({"site_url": "https://example.com/"})})
    with pytest.raises(ConfigurationError, match=r"remediate\.certificate is not set"):
        certificate_expiry(bare)


def test_a_plain_site_has_no_page_over_https() -> None:
    plain = HOST.settings.model_copy(update={"site_url": None})
    assert certificate_expiry(HOST.model_copy(update={"settings": plain})).symptoms == (HERE, THERE)


def test_what_it_rehearses() -> None:
    cases = certificate_expiry.cases(HOST)
    assert len({case.name for case in cases}) == len(cases) >= 8
    assert sum(case.expected is Expected.REFUSED for case in cases) >= 2
    known = {code.name for remedy in certificate_expiry(HOST).remedies for code in remedy.refusals}
    assert {case.code for case in cases if case.code} <= known
    assert {kind for case in cases for kind in case.by} == {"certificate.renew", "nginx.reload"}
