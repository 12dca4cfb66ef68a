"""Output of real openssl, certbot and nginx, as the probes parse it."""

import os
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from remediate.core.command import Output, Run
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.acme import Authority, Challenge
from remediate.probes.certbot import CertbotRunning, Issuances, Renewal
from remediate.probes.certificate import LineageCertificate, LineageChain, NoHandshake, ServedCertificate
from remediate.probes.http import Site
from remediate.probes.nginx import NginxWorkers
from remediate.probes.nginx_config import NginxCertificate
from remediate.probes.x509 import CertificateInfo
from remediate.transport.script import STDOUT_LIMIT
from support import examples as ex

NAME = "staging.example.com"
SERVED = ServedCertificate(domain=NAME, asked_from=Vantage.HOST)

# -- OpenSSL 3.0 -------------------------------------------------------------------------------------------------------

PEM = """-----BEGIN CERTIFICATE-----
MIICnjCCAYagAwIBAgIIVSev66zX2yAwDQYJKoZIhvcNAQELBQAwKDEmMCQGA1UE
AxMdUGViYmxlIEludGVybWVkaWF0ZSBDQSAyMmVkMTkwHhcNMjYxMTIzMTQzODIy
WhcNMjcwMjIxMTQzODIxWjAeMRwwGgYDVQQDExNzdGFnaW5nLmV4YW1wbGUuY29t
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqX08rhoYV+zMnFEuWWE0oQ75gi+X
AcsIEjBfQQB3Dfs4nBY6Wqa0fqu/2HNmfZCi/zin52YTidHq1V5hz4eZgaOBoDCB
nTAOBgNVHQ8BAf8EBAMCBaAwHQYDVR0lBBYwFAYIKwYBBQUHAwEGCCsGAQUFBwMC
MAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFG9An3PGugGGGmX5j5lrYzdcQHOrMB8G
A1UdIwQYMBaAFHUOw81ox1sMRtv+mOolsnXE9Yn3MB4GA1UdEQQXMBWCE3N0YWdp
bmcuZXhhbXBsZS5jb20wDQYJKoZIhvcNAQELBQADggEBAE16vRrWb3LsE+ZB0Q5G
tTuMDY3yAlEL8sqrjp9uzYbV1OMjQIcd/KEVtf7VtXJ/HKepcfVQRFBj1jOkaUaO
YVHhNr1qwaseJWlPCoSWcV9IpkY2cdm/ufF+bOCeLGy6ZoN9C/iNWUmY2itNbP+U
nAlPSiGEwfixOqqG3b35THgKuR5vTHyb186v8jQCp5n0NzHN7jFjH0q2bvG2Kq4K
Tu+4R2V5DC/IZc+/4OzYletvTvNPv5NOt90520VlaxZc3g3rWMEM6++XvVt1CZQE
i9Ev0A8cPMHqarfvbMu5gwEZxYbe8s/k/4vP+xtrkctFeZ9HomyEkfjhJIw7jAtA
cZg=
-----END CERTIFICATE-----
"""
BEFORE = """1795445489
CONNECTED(00000003)
---
Certificate chain
 0 s:CN = staging.example.com
   i:CN = Pebble Intermediate CA 22ed19
   a:PKEY: id-ecPublicKey, 256 (bit); sigalg: RSA-SHA256
   v:NotBefore: Nov 23 14:38:22 2026 GMT; NotAfter: Feb 21 14:38:21 2027 GMT
 1 s:CN = Pebble Intermediate CA 22ed19
   i:CN = Pebble Root CA 0c6534
   a:PKEY: rsaEncryption, 2048 (bit); sigalg: RSA-SHA256
   v:NotBefore: Nov 23 14:38:19 2026 GMT; NotAfter: Nov 23 14:38:19 2056 GMT
---
Server certificate
"""
AFTER = """subject=CN = staging.example.com
issuer=CN = Pebble Intermediate CA 22ed19
---
No client certificate CA names sent
Peer signing digest: SHA256
Peer signature type: ECDSA
Server Temp Key: X25519, 253 bits
---
SSL handshake has read 1907 bytes and written 405 bytes
Verification: OK
Verified peername: staging.example.com
---
New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384
Server public key is 256 bit
Secure Renegotiation IS NOT supported
Compression: NONE
Expansion: NONE
No ALPN negotiated
Early data was not sent
Verify return code: 0 (ok)
---
---
Post-Handshake New Session Ticket arrived:
SSL-Session:
    Protocol  : TLSv1.3
    Cipher    : TLS_AES_256_GCM_SHA384
    Session-ID: 87E5B3D3314E2B2604E17FE114DFA75BAD4C48F86711AF3C6D8FF1734C0287DB
    Session-ID-ctx:
    Resumption PSK: 00
    PSK identity: None
    PSK identity hint: None
    SRP username: None
    TLS session ticket lifetime hint: 300 (seconds)
    TLS session ticket:
    0000 - 99 8e 9a 8d 74 f6 10 25-10 9d 80 e5 8f 2b 7e 76   ....t..%.....+~v
"""
HANDSHAKE = f"{BEFORE}{PEM}{AFTER}"
VERIFIED = "depth=0 CN = staging.example.com\nverify return:1\nDONE\n"
NO_TLS = """1795443900
CONNECTED(00000003)
---
no peer certificate available
---
No client certificate CA names sent
---
SSL handshake has read 5 bytes and written 297 bytes
Verification: OK
---
Verify return code: 0 (ok)
---
"""
REFUSED = "40C7F7DA6F7F0000:error:8000006F:system library:BIO_connect:Connection refused\nconnect:errno=111\n"


def test_a_certificate_as_it_is_served() -> None:
    found = SERVED.read(Output(stdout=HANDSHAKE, stderr=VERIFIED))
    assert found.certificate is not None
    assert found.certificate.names == (NAME,)
    assert found.certificate.issuer.startswith("CN=Pebble Intermediate CA ")
    assert found.certificate.not_after - found.certificate.not_before == timedelta(days=90, seconds=-1)
    assert (found.ok, found.verify, found.covers, found.due) == (True, 0, True, False)
    assert found.asked.tzinfo is UTC
    assert found.describe() == f"valid until {found.certificate.until} (89 days)"
    assert SERVED.label() == f"certificate of {NAME}"


def test_it_is_the_one_on_disk() -> None:
    disk = LineageCertificate(name=NAME).read(Output(stdout=PEM * 2))
    assert disk.certificate == SERVED.read(Output(stdout=HANDSHAKE)).certificate
    assert disk.describe() == f"for {NAME}, until {disk.certificate.until}"


@pytest.mark.parametrize(
    ("output", "failure"),
    [
        (Output(stdout="1795443900\n", stderr=REFUSED, exit=1), NoHandshake.REFUSED),
        (Output(stdout=NO_TLS, exit=1), NoHandshake.TLS),
        (Output(stdout="1795443900\nCONNECTED(00000003)\n", exit=28), NoHandshake.TIMEOUT),
    ],
)
def test_no_certificate_is_the_symptom(output: Output, failure: NoHandshake) -> None:
    found = SERVED.read(output)
    assert (found.failure, found.ok, found.describe()) == (failure, False, failure.value)


@pytest.mark.parametrize(
    "output",
    [
        Output(),
        Output(stdout="heute\n" + HANDSHAKE.partition("\n")[2]),
        Output(stdout="9" * 20 + "\n"),
        Output(stdout=HANDSHAKE.replace("Verify return code", "Rückgabewert")),
        Output(stdout=HANDSHAKE.replace("MIICnjCC", "MIICnjCD")),
        Output(stdout=HANDSHAKE[:900] + "-----END CERTIFICATE-----\nVerify return code: 0 (ok)\n"),
        Output(stdout="1795443900\n", exit=127, stderr="timeout: failed to run command 'openssl'"),
        Output(stdout="1795443900\n", exit=139),
        Output(stdout=HANDSHAKE, cut=True),
    ],
)
def test_what_cannot_be_read_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        SERVED.read(output)


def test_what_openssl_complained_of_first_counts() -> None:
    complaints = "verify error:num=20:unable to get local issuer certificate\nverify error:num=10:has expired\n"
    answer = HANDSHAKE.replace("Verify return code: 0 (ok)", "Verify return code: 10 (certificate has expired)")
    assert SERVED.read(Output(stdout=answer, stderr=complaints)).verify == 20
    assert not SERVED.read(Output(stdout=answer, stderr=complaints)).trusted
    only_old = SERVED.read(Output(stdout=answer, stderr="verify error:num=10:certificate has expired\n"))
    assert (only_old.verify, only_old.trusted, only_old.ok) == (10, True, False)


@pytest.mark.parametrize(
    ("certificate", "told"),
    [
        (ex.certificate(), "valid until 2027-01-22 (60 days)"),
        (ex.certificate(left=10), "valid until 2026-12-03 (10 days, renewal due)"),
        (ex.certificate(left=-3), "expired on 2026-11-20"),
        (ex.certificate(left=100), "not valid before 2026-12-03"),
        (ex.certificate(names="a.org b.org"), "for a.org, b.org, valid until 2027-01-22 (60 days)"),
        (ex.certificate(names=""), "for no name, valid until 2027-01-22 (60 days)"),
    ],
)
def test_it_says_what_is_wrong(certificate: CertificateInfo, told: str) -> None:
    probe = ServedCertificate(domain="example.com", asked_from=Vantage.HOST)
    assert ex.served(probe, certificate).describe() == told


@pytest.mark.parametrize(
    ("names", "domain", "covers"),
    [
        ("example.com", "example.com", True),
        ("EXAMPLE.com", "example.COM.", True),
        ("*.example.com", "www.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.b.example.com", False),
        ("www.example.com", "example.com", False),
        ("", "example.com", False),
        ("*.com", "example.com", True),
        ("192.0.2.1", "192.0.2.1", True),
    ],
)
def test_which_names_it_is_for(names: str, domain: str, covers: bool) -> None:
    assert ex.certificate(names=names).covers(domain) is covers


@pytest.mark.parametrize(
    ("left", "lasts", "within", "due"),
    [
        (30.01, 90, 30, False),
        (30, 90, 30, True),
        (29, 90, 10, False),
        (-1, 90, 10, True),
        # A third of a short life is its window: a fresh one of six days would never be well else.
        (5, 6, 30, False),
        (2, 6, 30, True),
        (20, 45, 30, False),
        (15, 45, 30, True),
        (60, 365, 90, True),
    ],
)
def test_when_a_renewal_is_due(left: float, lasts: float, within: int, due: bool) -> None:
    assert ex.certificate(left=left, lasts=lasts).due(ex.NOON, within) is due


def test_where_it_is_asked() -> None:
    settings = {"site_url": "https://example.com/", "site_resolve": "192.0.2.7:8443", "site_ca": "/tmp/ca.pem"}
    certificate = {"name": "example.com", "domain": "example.com", "renew_within_days": 20}
    host = Host(
        name="web1",
        ssh=SshTarget(address="192.0.2.1"),
        settings=Settings.model_validate({**settings, "certificate": certificate}),
    )
    here, there = ServedCertificate.of(host)
    assert (here.vantage, there.vantage) == (Vantage.HOST, Vantage.CONTROLLER)
    assert str(here.command()).endswith("sh 10 127.0.0.1:443 example.com")
    assert (there.resolve, str(there.ca_file), there.within_days) == ("192.0.2.7:8443", "/tmp/ca.pem", 20)
    mail = Settings.model_validate({**settings, "certificate": {**certificate, "port": 465}})
    assert [each.resolve for each in ServedCertificate.of(host.model_copy(update={"settings": mail}))] == [None, None]


# -- the chain on disk -------------------------------------------------------------------------------------------------


def test_a_chain_on_disk() -> None:
    probe = LineageChain(name=NAME)
    assert probe.read(Output(stdout="/etc/letsencrypt/live/x/cert.pem: OK\n")).trusted
    said = "CN = x\nerror 18 at 0 depth lookup: self-signed certificate\nerror c.pem: verification failed\n"
    assert probe.read(Output(stderr=said, exit=2)).describe() == "not trusted: self-signed certificate (18)"
    older = "c.pem: CN = x\nerror 20 at 0 depth lookup:unable to get local issuer certificate\n"
    assert probe.read(Output(stdout=older, exit=2)).message == "unable to get local issuer certificate (20)"
    with pytest.raises(Unreadable, match="Unable to load"):
        probe.read(Output(stderr="Could not open file\nUnable to load certificate file\n", exit=2))
    own = LineageChain(name=NAME, ca="/etc/ssl/own.pem")
    with pytest.raises(Unreadable, match=r"/etc/ssl/own\.pem \(certificate\.ca\) cannot be read"):
        own.read(Output(stderr="Error loading file /etc/ssl/own.pem\n80DBC4:error:80000002:system library\n", exit=1))


def test_a_file_of_authorities_that_cannot_be_read_says_nothing_about_the_site() -> None:
    own = SERVED.model_copy(update={"ca_file": Path("/etc/ssl/own.pem")})
    said = "/etc/ssl/own.pem: no certificate that can be read\n"
    with pytest.raises(Unreadable, match="no certificate that can be read"):
        own.read(Output(stdout="1795443900\n", stderr=said, exit=77))
    with pytest.raises(Unreadable, match=r"certificate\.ca"):
        Site(url="https://example.com/", asked_from=Vantage.HOST).read(Output(stderr="000 0.01 ", exit=77))


@pytest.mark.parametrize(
    ("site_url", "port", "trusted"),
    [
        ("https://example.com/", 443, "/etc/ssl/own.pem"),
        ("https://example.com:8443/", 8443, "/etc/ssl/own.pem"),
        ("https://example.com/", 465, None),
        ("http://example.com/", 443, None),
    ],
)
def test_what_the_pages_are_trusted_by(site_url: str, port: int, trusted: str | None) -> None:
    certificate = {"name": "example.com", "domain": "example.com", "port": port, "ca": "/etc/ssl/own.pem"}
    settings = {"site_url": site_url, "site_ca": "/home/ana/own.pem", "certificate": certificate}
    host = Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=Settings.model_validate(settings))
    here, there = Site.of(host)
    assert (here.ca_file, there.ca_file) == (None if trusted is None else Path(trusted), Path("/home/ana/own.pem"))
    command = here.command()
    assert isinstance(command, Run)
    assert ("--cacert" in command.argv) is (trusted is not None)


# -- certbot 2.1 -------------------------------------------------------------------------------------------------------

RENEWAL = """found
# renew_before_expiry = 30 days
version = 2.1.0
archive_dir = /etc/letsencrypt/archive/staging.example.com
cert = /etc/letsencrypt/live/staging.example.com/cert.pem
privkey = /etc/letsencrypt/live/staging.example.com/privkey.pem
chain = /etc/letsencrypt/live/staging.example.com/chain.pem
fullchain = /etc/letsencrypt/live/staging.example.com/fullchain.pem

# Options used in the renewal process
[renewalparams]
account = 3f4aa67752edfba593b3921d6f05e264
server = https://localhost:14000/dir
authenticator = webroot
webroot_path = /var/www/letsencrypt,
key_type = ecdsa
[[webroot_map]]
staging.example.com = /var/www/letsencrypt
"""


def test_how_certbot_renews_a_lineage() -> None:
    probe = Renewal(name=NAME)
    found = probe.read(Output(stdout=RENEWAL))
    assert (found.present, found.authenticator, found.before_days, found.enabled) == (True, "webroot", None, True)
    assert (found.over_http, found.describe()) == (True, "renewed by certbot (webroot)")
    assert not probe.read(Output(stdout="none\n")).present
    later = RENEWAL.replace("# renew_before_expiry = 30 days", "renew_before_expiry = 2 weeks\nautorenew = False")
    assert (probe.read(Output(stdout=later)).before_days, probe.read(Output(stdout=later)).enabled) == (14, False)
    dns = probe.read(Output(stdout=RENEWAL.replace("webroot\n", "dns-route53\n")))
    assert not dns.over_http


@pytest.mark.parametrize("value", ["sometime", "", "30 Tage", "-3 days"])
def test_an_interval_that_nobody_can_read_is_not_taken_for_one(value: str) -> None:
    text = RENEWAL.replace("# renew_before_expiry = 30 days", f"renew_before_expiry = {value}")
    assert Renewal(name=NAME).read(Output(stdout=text)).before_days is None


@pytest.mark.parametrize(
    "output",
    [
        Output(exit=13),
        Output(stdout="found\n"),
        Output(stdout="found\n", stderr="cat: Datei oder Verzeichnis nicht gefunden", exit=1),
        Output(stdout=RENEWAL.replace("authenticator", "authentifizierer")),
        Output(),
    ],
)
def test_a_lineage_that_is_closed_to_us_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        Renewal(name=NAME).read(output)


def test_what_was_issued() -> None:
    printed = "1795443861 staging.example.com 1\n1795443900 staging.example.com 12\n1795443800 other.org-0001 2\n"
    found = Issuances().read(Output(stdout=printed))
    assert [found.issued(NAME, moment) for moment in (1795443800, 1795443861, 1795443862, 1795443901)] == [2, 2, 1, 0]
    assert found.issued("other.org", 0) == 0
    assert found.describe() == "3 issued, 2 lineages"
    assert Issuances().read(Output()).certificates == ()
    for wrong in (Output(stdout="gestern cert1.pem\n"), Output(stderr="find: Keine Berechtigung", exit=1)):
        with pytest.raises(Unreadable):
            Issuances().read(wrong)


def test_who_else_renews() -> None:
    running = CertbotRunning().read(Output(stdout="4711 /usr/bin/python3 /usr/bin/certbot -q renew\n"))
    assert running.describe() == "running: 4711 /usr/bin/python3 /usr/bin/certbot -q renew"
    assert CertbotRunning().read(Output(exit=1)).running == ()
    with pytest.raises(Unreadable):
        CertbotRunning().read(Output(exit=2, stderr="pgrep: no such option"))


# -- the authority and its challenge -----------------------------------------------------------------------------------

DIRECTORY = """https://localhost:14000/dir
{
   "newNonce": "https://localhost:14000/nonce-plz",
   "newOrder": "https://localhost:14000/order-plz"
}"""


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (Output(stdout=DIRECTORY, stderr="200"), "https://localhost:14000/dir answers"),
        (Output(stdout="https://a/\n", stderr="000", exit=7), "https://a/ no connection"),
        (Output(stdout="https://a/\n", stderr="000", exit=6), "https://a/ name not found"),
        (Output(stdout="https://a/\n", stderr="000", exit=28), "https://a/ no answer in time"),
        (Output(stdout="https://a/\n", stderr="000", exit=60), "https://a/ certificate not valid"),
        (Output(stdout="https://a/\ndown", stderr="503"), "https://a/ answers 503"),
        (
            Output(stdout="https://a/\n<html>", stderr="200"),
            "https://a/ answers with something other than an ACME directory",
        ),
    ],
)
def test_an_authority(output: Output, told: str) -> None:
    found = Authority(name=NAME).read(output)
    assert (found.describe(), found.ok) == (told, told.endswith("dir answers"))


@pytest.mark.parametrize("output", [Output(exit=13), Output(exit=127), Output(exit=2, stderr="curl: option"), Output()])
def test_an_authority_that_was_not_asked_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        Authority(name=NAME).read(output)


@pytest.mark.parametrize(
    ("status", "ok"),
    [("200", True), ("301", True), ("404", True), ("410", True), ("401", False), ("403", False), ("502", False)],
)
def test_the_way_of_a_challenge(status: str, ok: bool) -> None:
    found = Challenge(domain=NAME).read(Output(stderr=f"{status} 0.0012 "))
    assert (found.ok, found.describe()) == (ok, f"answers {status}")


def test_a_challenge_without_an_answer() -> None:
    assert Challenge(domain=NAME).read(Output(stderr="000 0.0 ", exit=7)).describe() == "no connection"
    assert Challenge(domain=NAME).read(Output(stderr="000 0.0 ", exit=99)).describe() == "broken answer"
    with pytest.raises(Unreadable):
        Challenge(domain=NAME).read(Output(stderr="curl: (2) no such option", exit=2))


# -- nginx -------------------------------------------------------------------------------------------------------------

DUMP = """# configuration file /etc/nginx/nginx.conf:
user www-data;
include /etc/nginx/modules-enabled/*.conf;
http {
    # gzip_vary on; }
    log_format main '$remote_addr { "$request" } #';
    ssl_certificate /etc/ssl/fallback.pem;
    include /etc/nginx/mime.types;
    include sites-enabled/*;
}
# configuration file /etc/nginx/mime.types:
types { text/html html; }
# configuration file /etc/nginx/sites-enabled/agency-platform:
server {
    listen 80 default_server;
    server_name staging.example.com;
    return 301 https://$host$request_uri;
}
server {
    listen 443 ssl http2 default_server;
    listen [::]:443 ssl http2 default_server;
    server_name www.example.com staging.example.com;
    ssl_certificate /etc/letsencrypt/live/staging.example.com/fullchain.pem;
    ssl_certificate "/etc/ssl/rsa one.pem";
    location ~ /\\.(?!well-known) { deny all; }
    include /etc/nginx/other/*.conf;
}
server {
    listen 127.0.0.1:8443 ssl;
    server_name *.example.org .example.net;
    set $x ${y}z;
    include snippets/tls.conf;
}
server { listen 8443 ssl; server_name plain; }
# configuration file /etc/nginx/snippets/tls.conf:
ssl_certificate /etc/nginx/ssl/1234/server.crt;
"""


@pytest.mark.parametrize(
    ("domain", "port", "files"),
    [
        (NAME, 443, ("/etc/letsencrypt/live/staging.example.com/fullchain.pem", "/etc/ssl/rsa one.pem")),
        ("whoever.com", 443, ("/etc/letsencrypt/live/staging.example.com/fullchain.pem", "/etc/ssl/rsa one.pem")),
        ("www.example.org", 8443, ("/etc/nginx/ssl/1234/server.crt",)),
        ("example.net", 8443, ("/etc/nginx/ssl/1234/server.crt",)),
        ("a.example.net", 8443, ("/etc/nginx/ssl/1234/server.crt",)),
        ("plain", 8443, ("/etc/ssl/fallback.pem",)),
        (NAME, 9443, ()),
    ],
)
def test_which_file_nginx_serves(domain: str, port: int, files: tuple[str, ...]) -> None:
    assert NginxCertificate(domain=domain, port=port).read(Output(stdout=DUMP)).files == files


def test_nine_hundred_files_of_nineteen_lineages_fit_into_one_answer(tmp_path: Path) -> None:
    """An archive keeps everything that was ever issued: only the newest and those of this week are told."""
    now = time.time()
    for lineage in range(19):
        folder = tmp_path / "archive" / f"shop{lineage}.example.com"
        folder.mkdir(parents=True)
        for number in range(1, 49):
            file = folder / f"cert{number}.pem"
            file.touch()
            os.utime(file, (now - (48 - number) * 86_400 * 60, now - (48 - number) * 86_400 * 60))
    command = Issuances().command()
    assert isinstance(command, Run)
    words = [word.replace("/etc/letsencrypt", str(tmp_path)) for word in command.argv]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)
    assert len(done.stdout) < STDOUT_LIMIT / 10
    found = Issuances().read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    assert found.newest(but="shop0.example.com") == {f"shop{lineage}.example.com": 48 for lineage in range(1, 19)}
    assert found.issued("shop0.example.com", now - 7 * 86_400) == 1


def test_a_configuration_too_long_to_be_read_whole() -> None:
    longer = f"{DUMP}# configuration file /etc/nginx/sites-enabled/z:\nserver {{ listen"
    answer = Output(stdout=longer, cut=True, exit=141)
    assert NginxCertificate(domain=NAME).read(answer).files[0].startswith("/etc/letsencrypt/")
    with pytest.raises(Unreadable, match="too long"):
        NginxCertificate(domain="whoever.com").read(answer)


def test_several_blocks_of_one_name() -> None:
    other = """# configuration file /etc/nginx/sites-enabled/0-old:
server { listen 443 ssl; server_name staging.example.com; ssl_certificate /etc/ssl/old.pem; }
server { listen 80; server_name staging.example.com; }
"""
    first, rest = DUMP.split("# configuration file /etc/nginx/sites-enabled/agency-platform:")
    dump = f"{first}{other}# configuration file /etc/nginx/sites-enabled/agency-platform:{rest}"
    found = NginxCertificate(domain=NAME).read(Output(stdout=dump))
    assert found.files == ("/etc/ssl/old.pem",)
    assert found.blocks == ("/etc/nginx/sites-enabled/0-old", "/etc/nginx/sites-enabled/agency-platform")
    assert NginxCertificate(domain=NAME).read(Output(stdout=DUMP)).blocks == ()


@pytest.mark.parametrize(
    "output",
    [
        Output(stderr="nginx: [emerg] unknown directive", exit=1),
        Output(),
        Output(stdout="# configuration file /etc/nginx/nginx.conf:\nhttp {\n"),
        Output(stdout="# configuration file /etc/nginx/nginx.conf:\nhttp { } }\n"),
        Output(stdout="# configuration file /etc/nginx/nginx.conf:\ninclude nginx.conf;\n"),
        Output(
            stdout="# configuration file /etc/nginx/nginx.conf:\n"
            "http { server { listen 443 ssl; server_name ~^(a+)+$; ssl_certificate x; } }\n"
        ),
        Output(stdout="# configuration file /etc/nginx/nginx.conf:\n" + "a {" * 500),
    ],
)
def test_a_configuration_that_cannot_be_read(output: Output) -> None:
    with pytest.raises(Unreadable):
        NginxCertificate(domain=NAME).read(output)


def test_the_workers_of_nginx() -> None:
    assert NginxWorkers().read(Output(stdout="80\n82\n")).pids == (80, 82)
    assert NginxWorkers().read(Output(exit=1)).pids == ()
    with pytest.raises(Unreadable):
        NginxWorkers().read(Output(exit=2))


def test_a_clock_far_from_ours_is_told() -> None:
    assert SERVED.read(Output(stdout="86400\n", exit=1)).asked == datetime(1970, 1, 2, tzinfo=UTC)
