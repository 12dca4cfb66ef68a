"""Truth table: a certificate is renewed, or it is said what keeps it."""

from datetime import timedelta
from functools import partial
from itertools import product

import pytest

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision
from remediate.errors import Unreadable
from remediate.probes.acme import ChallengeState
from remediate.probes.certbot import RenewalState
from remediate.probes.certificate import LineageChain, NoHandshake, ServedCertificate
from remediate.probes.config import NameConflict
from remediate.probes.x509 import CertificateInfo
from remediate.remedies.certificate import RenewCertificate
from remediate.remedies.certificate_panel import RenewAtPanel
from remediate.remedies.nginx import ReloadNginx
from support import certificate_examples as exc
from support import examples as ex
from support import toys
from support.lineages import (
    CHALLENGE,
    DUE,
    EXPIRED,
    FORCE,
    GOOD,
    HERE,
    NAME,
    NEW,
    OTHER,
    OWN,
    PANEL,
    REMEDY,
    STEP,
    THERE,
    facts,
    host,
)

WRONG = exc.certificate(left=10, names="www.example.com")


decide = partial(toys.decide, REMEDY)


@pytest.mark.parametrize(
    ("served", "disk", "expected"),
    [
        (GOOD, GOOD, "skip"),
        (GOOD, EXPIRED, "skip"),  # whatever lies on disk: nobody suffers
        (DUE, DUE, "proceed"),
        (EXPIRED, EXPIRED, "proceed"),
        (EXPIRED, DUE, "proceed"),
        (EXPIRED, NEW, "skip"),  # it only has to be loaded
        (WRONG, WRONG, "wrong-name"),
        (WRONG, NEW, "skip"),
        (EXPIRED, exc.certificate(names="www.example.com"), "wrong-name"),
        (NoHandshake.REFUSED, EXPIRED, "proceed"),
        (NoHandshake.REFUSED, GOOD, "skip"),
        (NoHandshake.TIMEOUT, DUE, "proceed"),
    ],
)
def test_what_is_served_and_what_lies_on_disk(
    served: CertificateInfo | NoHandshake, disk: CertificateInfo, expected: str
) -> None:
    assert decide(facts(served, disk)) == expected


CONFIGS = {"sound": ex.SOUND, "broken": ex.BROKEN_CONFIG, "unchecked": ex.UNCHECKED}
FILES = {"own": OWN, "other": OTHER, "panel": PANEL}
CERTBOTS = {"none": exc.NO_CERTBOT, "busy": exc.CERTBOT_AT_WORK}
AUTHORITIES = {"up": exc.AUTHORITY, "down": exc.AUTHORITY_GONE}
ISSUED = {"few": exc.issued(80, 6, 5, 1), "many": exc.issued(80, 6, 5, 4, 1)}
CHALLENGES = {"served": exc.CHALLENGE, "shut": ChallengeState(status=403)}
EVERYTHING = list(product(CONFIGS, FILES, CERTBOTS, AUTHORITIES, ISSUED, CHALLENGES))


def hindered(
    config: str, file: str, certbot: str, authority: str, issued: str, challenge: str
) -> dict[Probe[Fact], Fact | Unreadable]:
    return facts(
        config=CONFIGS[config],
        file=FILES[file],
        certbot=CERTBOTS[certbot],
        authority=AUTHORITIES[authority],
        issued=ISSUED[issued],
        challenge=CHALLENGES[challenge],
    )


@pytest.mark.parametrize("state", EVERYTHING, ids="-".join)
def test_everything_in_the_way_has_its_name(state: tuple[str, str, str, str, str, str]) -> None:
    config, file, certbot, authority, issued, challenge = state
    first = [
        (config != "sound", f"config-{config}"),
        (file == "other", "other-lineage"),
        (file == "panel", "certificate-not-managed"),
        (certbot == "busy", "certbot-busy"),
        (authority == "down", "acme-unreachable"),
        (issued == "many", "issuance-limit"),
        (challenge == "shut", "challenge-unreachable"),
    ]
    given = hindered(*state)
    assert decide(given) == next((code for holds, code in first if holds), "proceed")
    for probe in REMEDY.probes():
        assert decide({**given, probe: Unreadable("not now")}) in {"unreadable", decide(given)}
        assert decide({**given, probe: Unreadable("not now")}) != "proceed"


def test_another_certbot_is_waited_for() -> None:
    assert REMEDY.guard(Facts(facts(certbot=exc.CERTBOT_AT_WORK))).decision is Decision.WAIT


def test_a_lineage_that_certbot_does_not_have() -> None:
    assert decide(facts(renewal=exc.NO_LINEAGE)) == "certificate-not-managed"
    assert decide(facts(GOOD, renewal=exc.NO_LINEAGE)) == "skip"
    assert decide(facts(NoHandshake.REFUSED, renewal=exc.NO_LINEAGE)) == "skip"


def test_a_chain_that_nobody_trusts() -> None:
    untrusted = exc.served(HERE, GOOD, verify=19)
    assert decide({**facts(GOOD, chain=exc.SELF_SIGNED), HERE: untrusted}) == "certificate-untrusted"
    # The next one of the same authority would be refused by nginx.reload, so it is not even asked for.
    assert decide(facts(EXPIRED, chain=exc.SELF_SIGNED)) == "certificate-untrusted"
    assert decide(facts(EXPIRED, chain=exc.SELF_SIGNED, issued=exc.issued(1, 2, 3, 4))) == "issuance-limit"
    # What a person may override says all that there is to it.
    shut = Facts(facts(EXPIRED, chain=exc.SELF_SIGNED, challenge=ChallengeState(status=403)))
    verdict = REMEDY.guard(shut)
    assert verdict.code is not None
    assert (verdict.code.name, verdict.code.overridable) == ("certificate-untrusted", True)
    assert verdict.reason.endswith(
        f"not trusted: self-signed certificate (18); and {CHALLENGE.label()} answers 403 (from the host)"
    )
    # Another authority's is wanted then, which certbot would not ask for before it is due.
    assert list(REMEDY.apply(Facts({**facts(GOOD, chain=exc.SELF_SIGNED), HERE: untrusted}))) == [FORCE]
    assert not next(code for code in ReloadNginx.refusals if code.name == "certificate-untrusted").overridable


def test_an_authority_of_ones_own() -> None:
    mine = RenewCertificate(name=NAME, domain=NAME, ca="/etc/ssl/own ca.pem")
    (chain,) = (each.command() for each in mine.probes() if isinstance(each, LineageChain))
    assert isinstance(chain, Run)
    live = f"/etc/letsencrypt/live/{NAME}"
    assert chain.argv[-5:] == ("-untrusted", f"{live}/chain.pem", "-CAfile", "/etc/ssl/own ca.pem", f"{live}/cert.pem")
    assert chain.fixed == LineageChain(name=NAME).command().fixed
    own = host(certificate={"name": NAME, "domain": NAME, "ca": "/etc/ssl/own ca.pem"}, site_url="https://example.com/")
    symptom = next(each for each in ServedCertificate.of(own) if each.asked_from is Vantage.HOST)
    assert str(symptom.command()).endswith(f"sh 10 127.0.0.1:443 {NAME} '/etc/ssl/own ca.pem'")
    for remedy in (RenewCertificate.on(own), ReloadNginx.on(own), RenewAtPanel.on(own)):
        assert symptom in remedy.probes(), remedy.kind
    refused = mine.guard(Facts({**facts(chain=exc.SELF_SIGNED), **_by(mine)}))
    assert refused.reason.endswith(
        "self-signed certificate (18) (by /etc/ssl/own ca.pem or the host's own authorities)"
    )


def _by(remedy: RenewCertificate) -> dict[Probe[Fact], Fact | Unreadable]:
    asked = {LineageChain: exc.SELF_SIGNED, ServedCertificate: exc.served(HERE, EXPIRED)}
    return {probe: asked[type(probe)] for probe in remedy.probes() if type(probe) in asked}


def test_an_authority_that_the_host_trusts_and_this_machine_does_not() -> None:
    stranger = exc.served(THERE, GOOD, verify=20)
    assert decide(facts(GOOD, outside=stranger)) == "authority-unknown-here"
    assert "not trusted (verify code 20) from here" in REMEDY.guard(Facts(facts(GOOD, outside=stranger))).reason
    # Another certificate there is another server's: that is no matter of trust.
    assert decide(facts(GOOD, outside=exc.served(THERE, NEW, verify=20))) == "skip"
    assert decide(facts(GOOD, outside=Unreadable("no network"))) == "skip"


@pytest.mark.parametrize(
    ("unit", "expected"),
    [(ex.STOPPED, "nginx-down"), (ex.FAILED, "nginx-down"), (ex.STARTING, "wait"), (ex.RUNNING, "proceed")],
)
@pytest.mark.parametrize("authenticator", ["webroot", "dns-route53"])
def test_what_could_not_be_loaded_is_not_renewed(unit: Fact, authenticator: str, expected: str) -> None:
    renewal = RenewalState(present=True, authenticator=authenticator)
    assert decide(facts(unit=unit, renewal=renewal)) == expected
    assert decide(facts(GOOD, unit=unit, renewal=renewal)) == "skip"


def twice(address: str = "0.0.0.0:443", name: str = NAME) -> Fact:
    return ex.SOUND.model_copy(update={"conflicts": (NameConflict(name=name, address=address),)})


TWICE = PANEL.model_copy(update={"blocks": ("/etc/nginx/sites-enabled/0-old", "/etc/nginx/sites-enabled/shop")})


def test_a_name_of_several_server_blocks() -> None:
    for renewal in (exc.BY_WEBROOT, exc.NO_LINEAGE):
        assert decide(facts(config=twice(), file=TWICE, renewal=renewal)) == "server-name-conflict"
        # It may be another site's, so nobody is sent to renew it.
        assert STEP.needed(Facts(facts(config=twice(), file=TWICE, renewal=renewal))) is None
    assert REMEDY.guard(Facts(facts(config=twice(), file=TWICE))).reason == (
        "nginx ignores all server blocks of example.com but the first on 0.0.0.0:443, which serves "
        "/etc/nginx/ssl/example.com/4711/server.crt; the blocks are in /etc/nginx/sites-enabled/0-old, "
        "/etc/nginx/sites-enabled/shop"
    )
    assert decide(facts(config=twice(), file=OTHER)) == "server-name-conflict"
    assert decide(facts(config=twice())) == "proceed"  # the block that is used has this lineage
    assert decide(facts(GOOD, config=twice(), file=TWICE)) == "skip"
    assert decide(facts(config=twice("0.0.0.0:80"), file=PANEL)) == "certificate-not-managed"
    assert decide(facts(config=twice(name="other.org"), file=PANEL)) == "certificate-not-managed"
    assert decide(facts(config=twice("[::]:443", "*.com"), file=PANEL)) == "server-name-conflict"


@pytest.mark.parametrize(("seconds", "expected"), [(0, "proceed"), (299, "proceed"), (-301, "clocks-differ")])
def test_two_clocks_that_disagree(seconds: int, expected: str) -> None:
    there = exc.served(THERE, EXPIRED)
    given = facts(outside=there.model_copy(update={"asked": exc.NOON + timedelta(seconds=seconds)}))
    assert decide(given) == expected


@pytest.mark.parametrize(
    ("authenticator", "challenge", "expected"),
    [
        ("webroot", ChallengeState(status=None, failure="no connection"), "challenge-unreachable"),
        ("nginx", ChallengeState(status=502), "challenge-unreachable"),
        ("standalone", exc.CHALLENGE, "challenge-unreachable"),  # port 80 is nginx's
        ("dns-route53", ChallengeState(status=None, failure="no connection"), "proceed"),
        ("manual", ChallengeState(status=403), "proceed"),
    ],
)
def test_the_way_of_its_challenge(authenticator: str, challenge: ChallengeState, expected: str) -> None:
    renewal = RenewalState(present=True, authenticator=authenticator)
    assert decide(facts(renewal=renewal, challenge=challenge)) == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((1, 2, 3), "proceed"),
        ((1, 2, 3, 4), "issuance-limit"),
        ((1, 2, 3, 7.1), "proceed"),
        ((0, 0, 0, 6.9), "issuance-limit"),
    ],
)
def test_how_many_were_issued_this_week(days: tuple[float, ...], expected: str) -> None:
    assert decide(facts(issued=exc.issued(*days))) == expected
    assert decide(facts(issued=exc.issued(*days, lineage="other.org"))) == "proceed"


EXAMPLES = {
    "certificate.renew": (
        REMEDY,
        facts(),
        facts(EXPIRED, NEW),
        (
            *(hindered(*state) for state in EVERYTHING),
            facts(GOOD),
            facts(WRONG),
            facts(renewal=exc.NO_LINEAGE),
            facts(NoHandshake.TLS),
            facts(DUE, renewal=exc.BY_WEBROOT.model_copy(update={"enabled": False})),
            facts(DUE, chain=exc.SELF_SIGNED),
            facts(DUE, unit=ex.STARTING),
            facts(config=twice(), file=TWICE),
        ),
    ),
    "certificate.panel": (
        STEP,
        facts(DUE, file=PANEL),
        facts(GOOD, file=PANEL),
        (facts(renewal=exc.NO_LINEAGE), facts(NoHandshake.TLS), facts(config=ex.BROKEN_CONFIG), facts(file=OTHER)),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
