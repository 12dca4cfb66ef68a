"""Truth table: a certificate that a person renews in a panel."""

import pytest

from remediate.core.facts import Facts
from remediate.core.probe import Fact
from remediate.core.verdict import Decision, Verdict
from remediate.errors import Unreadable
from remediate.probes.certbot import RenewalState
from remediate.probes.certificate import NoHandshake
from remediate.probes.nginx import NginxConfig
from remediate.probes.nginx_config import ServerCertificate
from remediate.probes.x509 import CertificateInfo
from remediate.remedies.certificate_refusals import misplaced
from support import certificate_examples as exc
from support import examples as ex
from support.lineages import DUE, EXPIRED, FILE, GOOD, HERE, NAME, OTHER, OWN, PANEL, STEP, facts


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


@pytest.mark.parametrize(
    ("served", "renewal", "config", "file", "needed"),
    [
        (GOOD, exc.NO_LINEAGE, ex.SOUND, PANEL, False),
        (EXPIRED, exc.NO_LINEAGE, ex.SOUND, PANEL, True),
        (DUE, exc.BY_WEBROOT, ex.SOUND, PANEL, True),
        (DUE, exc.BY_WEBROOT, ex.SOUND, OTHER, True),
        (DUE, exc.BY_WEBROOT, ex.SOUND, OWN, False),
        (DUE, exc.BY_WEBROOT, ex.BROKEN_CONFIG, Unreadable("nginx's configuration"), False),
        (NoHandshake.REFUSED, exc.NO_LINEAGE, ex.SOUND, PANEL, False),
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
    stranger = exc.served(HERE, GOOD, verify=20)
    needed = STEP.needed(Facts({**facts(GOOD, renewal=exc.NO_LINEAGE, file=PANEL), HERE: stranger}))
    assert needed is not None
    assert (
        "not trusted (verify code 20): if its authority is right, name it in remediate.certificate.ca, else" in needed
    )
