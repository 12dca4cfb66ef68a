"""Lineages, renewals and issuances, from real certbot."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.certbot import CertbotRunning, Issuances, Renewal
from support.staging_site import NAME

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
