"""Refusals of remedies for a certificate, and where nginx serves another one."""

from remediate.core.facts import Facts
from remediate.core.verdict import RefusalCode, Verdict, refuse
from remediate.probes.certificate import LIVE
from remediate.probes.nginx import NginxConfig
from remediate.probes.nginx_config import NginxCertificate, name_conflict

NOT_MANAGED = RefusalCode(
    name="certificate-not-managed",
    meaning="certbot does not manage the certificate that nginx serves.",
    advice="renew it where it was issued, for example in a hosting panel, or let certbot manage it",
)
OTHER_LINEAGE = RefusalCode(
    name="other-lineage",
    meaning="nginx serves another certbot lineage than the one the inventory names.",
    advice="name the lineage that nginx serves in remediate.certificate.name, or make nginx serve this one",
)
WRONG_NAME = RefusalCode(
    name="wrong-name",
    meaning="The lineage does not include this name, and a renewal keeps its names: a person adds it.",
    advice="issue it for the name: certbot certonly --cert-name LINEAGE -d NAME -d EACH_OTHER_NAME",
)
UNTRUSTED = RefusalCode(
    name="certificate-untrusted",
    meaning="The host does not trust the chain on disk, which may be from a test authority.",
    advice="name its authority's file on the host in remediate.certificate.ca, then run this again; "
    "if the next one is from another authority, add --override certificate-untrusted='which'",
)
UNTRUSTED_SO_FAR = UNTRUSTED.model_copy(update={"overridable": True})
"""The same code before a renewal, where it can be overridden. A person may know that another authority will sign the
next certificate."""
AUTHORITY_UNKNOWN_HERE = RefusalCode(
    name="authority-unknown-here",
    meaning="The host trusts the certificate's authority, but the machine that runs remediate does not.",
    advice="name the authority's file on this machine in remediate.site_ca, then run this again",
)
CHAIN_INCOMPLETE = RefusalCode(
    name="chain-incomplete",
    meaning="nginx serves the right certificate without those of its authority, so clients cannot verify it.",
    advice="ssl_certificate has to name fullchain.pem, and that has to be cert.pem followed by chain.pem: then reload "
    "nginx",
)
NGINX_DOWN = RefusalCode(
    name="nginx-down", meaning="nginx does not run, so it serves no certificate: app-down brings it back."
)
SERVER_NAME_CONFLICT = RefusalCode(
    name="server-name-conflict",
    meaning="Several server blocks of nginx have this name; nginx uses only the first.",
    advice="find them with `nginx -T | grep -E 'configuration file|server_name'`, remove the name "
    "from the wrong ones, reload nginx, then run this again",
)
CLOCKS_DIFFER = RefusalCode(
    name="clocks-differ",
    meaning="The clocks of host and controller disagree, so expiry cannot be judged.",
    advice="correct the wrong clock (timedatectl shows if it is synchronized), then run this again",
)
CERTBOT_BUSY = RefusalCode(
    name="certbot-busy",
    meaning="Another certbot is running and holds its lock.",
    advice="wait for the end of that certbot, then run this again",
)
AUTHORITY_DOWN = RefusalCode(
    name="acme-unreachable",
    meaning="The host cannot reach the ACME server that issues the certificates.",
    advice="let the host reach its ACME server (network, proxy, firewall), then run this again",
)
ISSUANCE_LIMIT = RefusalCode(
    name="issuance-limit",
    meaning="So many certificates were issued this week that the authority may refuse more for days.",
    advice="find out why it is issued so often, and wait until this week's certificates are older",
)
CHALLENGE_UNREACHABLE = RefusalCode(
    name="challenge-unreachable",
    meaning="Port 80 or the challenge's path is not served, so the authority could not check the name.",
    advice="make nginx serve port 80 and the challenge's path, then run this again",
    overridable=True,
)


def conflicting(facts: Facts, file: NginxCertificate) -> Verdict | None:
    """Refuse when nginx ignores a server block with this name, else None.

    The reason says what nginx serves instead.
    """
    where = name_conflict(facts[NginxConfig()], file.domain, file.port)
    if where is None:
        return None
    served = facts[file]
    said = f"nginx ignores all server blocks of {file.domain} but the first on {where}, which serves"
    blocks = f"; the blocks are in {', '.join(served.blocks)}" if served.blocks else ""
    return refuse(SERVER_NAME_CONFLICT, f"{said} {served.describe()}{blocks}")


def misplaced(facts: Facts, file: NginxCertificate, name: str) -> Verdict | None:
    """Refuse when nginx does not serve this lineage, else None.

    The reason names the certificate that nginx serves instead.
    """
    served = facts[file]
    if {f"{LIVE}/{name}/fullchain.pem", f"{LIVE}/{name}/cert.pem"} & {*served.files}:
        return None
    if conflict := conflicting(facts, file):
        return conflict
    if not served.files:
        return refuse(NOT_MANAGED, "nginx has no certificate configured for this name")
    where = f"nginx serves {served.files[0]}"
    if served.files[0].startswith(f"{LIVE}/"):
        return refuse(OTHER_LINEAGE, f"{where}, which is not of lineage {name}")
    return refuse(NOT_MANAGED, f"{where}, which certbot does not manage")
