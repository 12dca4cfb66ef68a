"""Truth tables: a certificate is renewed, loaded or left to a person."""

from datetime import timedelta
from functools import partial
from itertools import product

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision, Verdict
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.acme import Authority, Challenge, ChallengeState
from remediate.probes.certbot import CertbotRunning, Issuances, IssuedState, Renewal, RenewalState
from remediate.probes.certificate import LineageCertificate, LineageChain, LineageState, NoHandshake, ServedCertificate
from remediate.probes.config import NameConflict
from remediate.probes.nginx import NginxConfig
from remediate.probes.nginx_config import NginxCertificate, ServerCertificate
from remediate.probes.systemd import Unit
from remediate.probes.x509 import CertificateInfo
from remediate.remedies.certificate import RenewCertificate, misplaced, served_here
from remediate.remedies.certificate_panel import RenewAtPanel
from remediate.remedies.nginx import ReloadNginx
from support import examples as ex
from support import toys
from support.render import output_of

NAME = "example.com"
HERE = served_here(NAME, 443, 30)
THERE = HERE.model_copy(update={"asked_from": Vantage.CONTROLLER})
CHALLENGE = Challenge(domain=NAME)
REMEDY = RenewCertificate(name=NAME, domain=NAME, outside=(THERE,))
DISK, CHAIN, RENEWAL = LineageCertificate(name=NAME), LineageChain(name=NAME), Renewal(name=NAME)
FILE, AUTHORITY, UNIT = NginxCertificate(domain=NAME), Authority(name=NAME), Unit(name="nginx")
OWN = ServerCertificate(files=(f"/etc/letsencrypt/live/{NAME}/fullchain.pem",))
OTHER = ServerCertificate(files=("/etc/letsencrypt/live/other.org/fullchain.pem",))
PANEL = ServerCertificate(files=("/etc/nginx/ssl/example.com/4711/server.crt",))
WORDS = ("/usr/bin/certbot", "renew", "--no-random-sleep-on-renew", "--non-interactive", "--cert-name", NAME)
RENEW, FORCE = (
    Run.of(*WORDS[:-1], user=ROOT, seconds=300).helped("renew-certificate", WORDS[-1], *more)
    for more in ((), ("--force-renewal",))
)

GOOD, DUE, EXPIRED = ex.certificate(), ex.certificate(left=10), ex.certificate(left=-3)
NEW = ex.certificate(left=90, serial="4A12")
WRONG = ex.certificate(left=10, names="www.example.com")


def facts(
    served: CertificateInfo | NoHandshake = EXPIRED, disk: CertificateInfo | None = None, **given: Fact | Unreadable
) -> dict[Probe[Fact], Fact | Unreadable]:
    """State what a host answers whose certificate has expired, but for what is given; on disk lies what is served."""
    if disk is None:
        disk = served if isinstance(served, CertificateInfo) else EXPIRED
    here = ex.unserved(served) if isinstance(served, NoHandshake) else ex.served(HERE, served)
    usual: dict[str, Fact | Unreadable] = {
        "outside": here,
        "chain": ex.TRUSTED,
        "renewal": ex.BY_WEBROOT,
        "config": ex.SOUND,
        "file": OWN,
        "certbot": ex.NO_CERTBOT,
        "authority": ex.AUTHORITY,
        "issued": ex.issued(80, 20),
        "challenge": ex.CHALLENGE,
        "unit": ex.RUNNING,
        **given,
    }
    probes: dict[str, Probe[Fact]] = {
        "outside": THERE,
        "chain": CHAIN,
        "renewal": RENEWAL,
        "config": NginxConfig(),
        "file": FILE,
        "certbot": CertbotRunning(),
        "authority": AUTHORITY,
        "issued": Issuances(),
        "challenge": CHALLENGE,
        "unit": UNIT,
    }
    return {HERE: here, DISK: LineageState(certificate=disk), **{probes[name]: fact for name, fact in usual.items()}}


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
        (EXPIRED, ex.certificate(names="www.example.com"), "wrong-name"),
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
CERTBOTS = {"none": ex.NO_CERTBOT, "busy": ex.CERTBOT_AT_WORK}
AUTHORITIES = {"up": ex.AUTHORITY, "down": ex.AUTHORITY_GONE}
ISSUED = {"few": ex.issued(80, 6, 5, 1), "many": ex.issued(80, 6, 5, 4, 1)}
CHALLENGES = {"served": ex.CHALLENGE, "shut": ChallengeState(status=403)}
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
    assert REMEDY.guard(Facts(facts(certbot=ex.CERTBOT_AT_WORK))).decision is Decision.WAIT


def test_a_lineage_that_certbot_does_not_have() -> None:
    assert decide(facts(renewal=ex.NO_LINEAGE)) == "certificate-not-managed"
    assert decide(facts(GOOD, renewal=ex.NO_LINEAGE)) == "skip"
    assert decide(facts(NoHandshake.REFUSED, renewal=ex.NO_LINEAGE)) == "skip"


def test_a_chain_that_nobody_trusts() -> None:
    untrusted = ex.served(HERE, GOOD, verify=19)
    assert decide({**facts(GOOD, chain=ex.SELF_SIGNED), HERE: untrusted}) == "certificate-untrusted"
    # The next one of the same authority would be refused by nginx.reload, so it is not even asked for.
    assert decide(facts(EXPIRED, chain=ex.SELF_SIGNED)) == "certificate-untrusted"
    assert decide(facts(EXPIRED, chain=ex.SELF_SIGNED, issued=ex.issued(1, 2, 3, 4))) == "issuance-limit"
    # What a person may override says all that there is to it.
    shut = Facts(facts(EXPIRED, chain=ex.SELF_SIGNED, challenge=ChallengeState(status=403)))
    verdict = REMEDY.guard(shut)
    assert verdict.code is not None
    assert (verdict.code.name, verdict.code.overridable) == ("certificate-untrusted", True)
    assert verdict.reason.endswith(
        f"not trusted: self-signed certificate (18); and {CHALLENGE.label()} answers 403 (from the host)"
    )
    # Another authority's is wanted then, which certbot would not ask for before it is due.
    assert list(REMEDY.apply(Facts({**facts(GOOD, chain=ex.SELF_SIGNED), HERE: untrusted}))) == [FORCE]
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
    refused = mine.guard(Facts({**facts(chain=ex.SELF_SIGNED), **_by(mine)}))
    assert refused.reason.endswith(
        "self-signed certificate (18) (by /etc/ssl/own ca.pem or the host's own authorities)"
    )


def _by(remedy: RenewCertificate) -> dict[Probe[Fact], Fact | Unreadable]:
    asked = {LineageChain: ex.SELF_SIGNED, ServedCertificate: ex.served(HERE, EXPIRED)}
    return {probe: asked[type(probe)] for probe in remedy.probes() if type(probe) in asked}


def test_an_authority_that_the_host_trusts_and_this_machine_does_not() -> None:
    stranger = ex.served(THERE, GOOD, verify=20)
    assert decide(facts(GOOD, outside=stranger)) == "authority-unknown-here"
    assert "not trusted (verify code 20) from here" in REMEDY.guard(Facts(facts(GOOD, outside=stranger))).reason
    # Another certificate there is another server's: that is no matter of trust.
    assert decide(facts(GOOD, outside=ex.served(THERE, NEW, verify=20))) == "skip"
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
    for renewal in (ex.BY_WEBROOT, ex.NO_LINEAGE):
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
    there = ex.served(THERE, EXPIRED)
    given = facts(outside=there.model_copy(update={"asked": ex.NOON + timedelta(seconds=seconds)}))
    assert decide(given) == expected


@pytest.mark.parametrize(
    ("renewal", "step"),
    [
        (ex.BY_WEBROOT, RENEW),
        (ex.BY_WEBROOT.model_copy(update={"before_days": 30.0}), RENEW),
        (ex.BY_WEBROOT.model_copy(update={"before_days": 5.0}), FORCE),
        (ex.BY_WEBROOT.model_copy(update={"enabled": False}), FORCE),
    ],
)
def test_it_forces_only_what_certbot_would_leave(renewal: RenewalState, step: Run) -> None:
    given = Facts(facts(DUE, renewal=renewal))
    assert list(REMEDY.apply(given)) == [step]
    assert ("forced" in REMEDY.guard(given).reason) is (step == FORCE)


@pytest.mark.parametrize(
    ("authenticator", "challenge", "expected"),
    [
        ("webroot", ChallengeState(status=None, failure="no connection"), "challenge-unreachable"),
        ("nginx", ChallengeState(status=502), "challenge-unreachable"),
        ("standalone", ex.CHALLENGE, "challenge-unreachable"),  # port 80 is nginx's
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
    assert decide(facts(issued=ex.issued(*days))) == expected
    assert decide(facts(issued=ex.issued(*days, lineage="other.org"))) == "proceed"


def test_what_proves_it() -> None:
    def seen(disk: CertificateInfo, **given: Fact | Unreadable) -> Facts:
        stated = facts(EXPIRED, disk, **given)
        printed = {probe: output_of(probe, fact) for probe, fact in stated.items() if isinstance(fact, Fact)}
        return Facts.read(stated, printed)

    before = seen(EXPIRED)
    told = REMEDY.verify(before, seen(NEW))
    assert isinstance(told, Proven)
    assert told.evidence == "serial 4A12 is on disk, until 2027-02-21, its chain trusted, other lineages untouched"
    assert isinstance(REMEDY.verify(before, before), NotYet)
    stranger = (*ex.issued(80, 20).certificates, *ex.issued(0, lineage="other.org").certificates)
    others = REMEDY.verify(before, seen(NEW, issued=IssuedState(certificates=stranger)))
    assert others == Failed(reason="other lineages were issued certificates as well")
    own = IssuedState(certificates=(*ex.issued(80, 20, 0).certificates,))
    assert isinstance(REMEDY.verify(before, seen(NEW, issued=own)), Proven)
    assert not isinstance(REMEDY.verify(before, seen(NEW, chain=ex.SELF_SIGNED)), Proven)
    assert not isinstance(REMEDY.verify(before, seen(ex.certificate(left=20, serial="4A12"))), Proven)


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


def host(**settings: object) -> Host:
    stated = {"certificate": {"name": NAME, "domain": NAME}, **settings}
    return Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=Settings.model_validate(stated))


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


def test_whose_certificate_nginx_serves() -> None:
    def misplaced_by(file: ServerCertificate) -> Verdict | None:
        return misplaced(Facts({FILE: file, NginxConfig(): ex.SOUND}), FILE, NAME)

    assert misplaced_by(OWN) is None
    assert misplaced_by(ServerCertificate(files=("/etc/ssl/rsa.pem", *OWN.files))) is None
    for files, code in ((OTHER, "other-lineage"), (PANEL, "certificate-not-managed")):
        told = misplaced_by(files)
        assert told is not None
        assert told.code is not None
        assert (told.code.name, files.files[0] in told.reason) == (code, True)
    assert misplaced_by(ServerCertificate(files=())) is not None


# -- what only a person can do -----------------------------------------------------------------------------------------

STEP = RenewAtPanel.on(host(links={"forge": "https://forge.example.com/servers/4711"}))


@pytest.mark.parametrize(
    ("served", "renewal", "config", "file", "needed"),
    [
        (GOOD, ex.NO_LINEAGE, ex.SOUND, PANEL, False),
        (EXPIRED, ex.NO_LINEAGE, ex.SOUND, PANEL, True),
        (DUE, ex.BY_WEBROOT, ex.SOUND, PANEL, True),
        (DUE, ex.BY_WEBROOT, ex.SOUND, OTHER, True),
        (DUE, ex.BY_WEBROOT, ex.SOUND, OWN, False),
        (DUE, ex.BY_WEBROOT, ex.BROKEN_CONFIG, Unreadable("nginx's configuration"), False),
        (NoHandshake.REFUSED, ex.NO_LINEAGE, ex.SOUND, PANEL, False),
    ],
)
def test_when_a_person_is_sent_to_the_panel(
    served: CertificateInfo | NoHandshake,
    renewal: RenewalState,
    config: Fact,
    file: Fact | Unreadable,
    needed: bool,
) -> None:
    verdict = STEP.guard(Facts(facts(served, renewal=renewal, config=config, file=file)))
    assert (verdict.decision is Decision.REFUSE) is needed
    assert verdict.reason.endswith("at the hosting panel: https://forge.example.com/servers/4711") is needed
    assert (STEP.changes(), STEP.identity(), STEP.is_human) == ((), (), True)


def test_an_authority_that_the_host_does_not_trust_is_not_a_matter_of_the_panel_alone() -> None:
    stranger = ex.served(HERE, GOOD, verify=20)
    needed = STEP.needed(Facts({**facts(GOOD, renewal=ex.NO_LINEAGE, file=PANEL), HERE: stranger}))
    assert needed is not None
    assert (
        "not trusted (verify code 20): if its authority is right, name it in remediate.certificate.ca, else" in needed
    )


EXAMPLES = {
    "certificate.renew": (
        REMEDY,
        facts(),
        facts(EXPIRED, NEW),
        (
            *(hindered(*state) for state in EVERYTHING),
            facts(GOOD),
            facts(WRONG),
            facts(renewal=ex.NO_LINEAGE),
            facts(NoHandshake.TLS),
            facts(DUE, renewal=ex.BY_WEBROOT.model_copy(update={"enabled": False})),
            facts(DUE, chain=ex.SELF_SIGNED),
            facts(DUE, unit=ex.STARTING),
            facts(config=twice(), file=TWICE),
        ),
    ),
    "certificate.panel": (
        STEP,
        facts(DUE, file=PANEL),
        facts(GOOD, file=PANEL),
        (facts(renewal=ex.NO_LINEAGE), facts(NoHandshake.TLS), facts(config=ex.BROKEN_CONFIG), facts(file=OTHER)),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
