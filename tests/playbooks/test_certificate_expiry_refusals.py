"""Refusals of certificate-expiry, and their messages."""

import pytest

from remediate.core.options import Options
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.playbook import Severity
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.playbooks.app_down import app_down
from remediate.playbooks.certificate_expiry import certificate_expiry
from remediate.probes.acme import Challenge
from remediate.probes.certbot import CertbotRunning, Issuances
from remediate.probes.certificate import LineageChain
from remediate.probes.config import NameConflict
from remediate.probes.filesystems import DiskSpace
from remediate.probes.http import Site
from remediate.probes.nginx import NginxConfig
from remediate.probes.nginx_config import ServerCertificate
from remediate.testing import play
from remediate.triage.triage import triage
from support import certificate_examples as exc
from support import examples as ex
from support import load_examples as exl
from support.certificate_incidents import (
    AUTHORITY,
    DISK,
    DUE,
    EXPIRED,
    FILE,
    GOOD,
    HERE,
    HOST,
    LOADED,
    NAME,
    NGINX,
    PAGES,
    RENEWAL,
    RENEWED,
    THERE,
    having,
)
from support.outcomes import code, problem, told
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

PANEL = ServerCertificate(files=("/etc/nginx/ssl/example.com/4711/server.crt",))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({AUTHORITY: exc.AUTHORITY_GONE}, "acme-unreachable"),
        ({NginxConfig(): ex.BROKEN_CONFIG}, "config-broken"),
        ({CertbotRunning(): exc.CERTBOT_AT_WORK}, "certbot-busy"),
        ({Issuances(): exc.issued(4, 3, 2, 1)}, "issuance-limit"),
        ({Challenge(domain=NAME): exc.CHALLENGE.model_copy(update={"status": 403})}, "challenge-unreachable"),
        (
            {Challenge(domain=NAME, asked_from=Vantage.CONTROLLER): exc.CHALLENGE.model_copy(update={"status": 403})},
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
    assert problem(outcome).code == code


def test_a_challenge_may_be_tried_all_the_same() -> None:
    shut: Changes = {Challenge(domain=NAME): exc.CHALLENGE.model_copy(update={"status": 403})}
    session = FactSession({**having(EXPIRED), **shut}, RENEWED, LOADED)
    options = Options(yes=True, hold=0, overrides={"challenge-unreachable": "a proxy answers it"})
    assert play(certificate_expiry, session, host=HOST, options=options).verdict is RunVerdict.FIXED


@pytest.mark.parametrize("change", [{RENEWAL: exc.NO_LINEAGE, DISK: Unreadable("none")}, {FILE: PANEL}])
def test_a_certificate_of_the_panel_is_for_a_person(change: Changes) -> None:
    session = FactSession({**having(DUE), **change})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    assert dict(told(outcome))["certificate.renew"] == "certificate-not-managed"
    step = next(step for step in outcome.steps if step.remedy == "certificate.panel")
    assert step.code == "human-step"
    assert step.why.endswith("at the hosting panel: https://forge.example.com/servers/4711")


def test_a_name_of_several_server_blocks_is_not_sent_to_the_panel() -> None:
    conflict = NameConflict(name=NAME, address="0.0.0.0:443")
    twice: Changes = {NginxConfig(): ex.SOUND.model_copy(update={"conflicts": (conflict,)}), FILE: PANEL}
    session = FactSession({**having(DUE), **twice})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, session.acts) == (RunVerdict.REFUSED, [])
    assert dict(told(outcome))["certificate.renew"] == "server-name-conflict"
    assert dict(told(outcome))["certificate.panel"] == "skip"
    assert code(outcome) == "server-name-conflict"


@pytest.mark.parametrize(
    ("status", "conflict", "expected"),
    [(200, True, None), (200, False, Severity.SEV3), (404, True, Severity.SEV1)],
)
def test_a_page_that_may_be_another_sites_says_nothing_about_the_severity(
    status: int, conflict: bool, expected: Severity | None
) -> None:
    """An answer of 200 made a name taken by another site look like a certificate that is only due."""
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
    untrusted: Changes = {LineageChain(name=NAME): exc.SELF_SIGNED, HERE: exc.served(HERE, EXPIRED, verify=18)}
    session = FactSession({**having(EXPIRED), **untrusted}, {**RENEWED, LineageChain(name=NAME): exc.SELF_SIGNED})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, session.acts) == (RunVerdict.REFUSED, [])
    assert code(outcome) == "certificate-untrusted"
    # A person who knows better has it renewed, and what comes is judged for itself.
    options = Options(yes=True, hold=0, overrides={"certificate-untrusted": "the next one is Let's Encrypt's"})
    trusted: Changes = {LineageChain(name=NAME): exc.TRUSTED}
    session = FactSession({**having(EXPIRED), **untrusted}, {**RENEWED, **trusted}, LOADED)
    assert play(certificate_expiry, session, host=HOST, options=options).verdict is RunVerdict.FIXED
    session = FactSession({**having(EXPIRED), **untrusted}, RENEWED, LOADED)
    assert play(certificate_expiry, session, host=HOST, options=options).verdict is RunVerdict.NOT_FIXED


def test_what_is_not_about_the_certificate_is_handed_over() -> None:
    bad: Changes = dict.fromkeys(PAGES, ex.page(502))
    outcome = play(certificate_expiry, FactSession({**having(GOOD), **bad, DiskSpace(): exl.NO_ROOM_AT_ALL}), host=HOST)
    assert (outcome.verdict, dict(told(outcome))["incident.hand-over"]) == (RunVerdict.REFUSED, "high-load")
    stopped: Changes = {
        **{each: exc.unserved() for each in (HERE, THERE)},
        **dict.fromkeys(PAGES, ex.no_page()),
        NGINX: ex.STOPPED,
    }
    outcome = play(certificate_expiry, FactSession({**having(GOOD), **stopped}), host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    assert dict(told(outcome)) == {
        "certificate.renew": "skip",
        "nginx.reload": "nginx-down",
        "certificate.panel": "skip",
        "incident.hand-over": "app-down",
    }


def test_another_one_in_front_of_the_host_is_not_explained_away() -> None:
    session = FactSession({**having(GOOD), THERE: exc.served(THERE, EXPIRED)})
    outcome = play(certificate_expiry, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    assert code(outcome) == "unexplained"
    assert "expired on 2026-11-20 (from the controller)" in problem(outcome).message
