"""A certificate as it is served and on disk, from real openssl."""

from datetime import UTC, datetime, timedelta

import pytest

from remediate.core.command import Output
from remediate.core.host import Settings
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.certificate import LineageCertificate, NoHandshake, ServedCertificate
from remediate.probes.x509 import CertificateInfo
from support import certificate_examples as exc
from support.hosts import host_with
from support.staging_site import NAME, SERVED

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
        (exc.certificate(), "valid until 2027-01-22 (60 days)"),
        (exc.certificate(left=10), "valid until 2026-12-03 (10 days, renewal due)"),
        (exc.certificate(left=-3), "expired on 2026-11-20"),
        (exc.certificate(left=100), "not valid before 2026-12-03"),
        (exc.certificate(names="a.org b.org"), "for a.org, b.org, valid until 2027-01-22 (60 days)"),
        (exc.certificate(names=""), "for no name, valid until 2027-01-22 (60 days)"),
    ],
)
def test_it_says_what_is_wrong(certificate: CertificateInfo, told: str) -> None:
    probe = ServedCertificate(domain="example.com", asked_from=Vantage.HOST)
    assert exc.served(probe, certificate).describe() == told


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
    assert exc.certificate(names=names).covers(domain) is covers


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
    assert exc.certificate(left=left, lasts=lasts).due(exc.NOON, within) is due


def test_where_it_is_asked() -> None:
    settings = {"site_url": "https://example.com/", "site_resolve": "192.0.2.7:8443", "site_ca": "/tmp/ca.pem"}
    certificate = {"name": "example.com", "domain": "example.com", "renew_within_days": 20}
    host = host_with({**settings, "certificate": certificate})
    here, there = ServedCertificate.of(host)
    assert (here.vantage, there.vantage) == (Vantage.HOST, Vantage.CONTROLLER)
    assert str(here.command()).endswith("sh 10 127.0.0.1:443 example.com")
    assert (there.resolve, str(there.ca_file), there.within_days) == ("192.0.2.7:8443", "/tmp/ca.pem", 20)
    mail = Settings.model_validate({**settings, "certificate": {**certificate, "port": 465}})
    assert [each.resolve for each in ServedCertificate.of(host.model_copy(update={"settings": mail}))] == [None, None]


def test_a_clock_far_from_ours_is_told() -> None:
    assert SERVED.read(Output(stdout="86400\n", exit=1)).asked == datetime(1970, 1, 2, tzinfo=UTC)
