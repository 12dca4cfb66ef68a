"""Whom a chain and the pages are trusted by."""

from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.certificate import LineageChain
from remediate.probes.http import Site
from support.hosts import host_with
from support.staging_site import NAME, SERVED
from support.this_machine import command_of


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
    host = host_with({"site_url": site_url, "site_ca": "/home/ana/own.pem", "certificate": certificate})
    here, there = Site.of(host)
    assert (here.ca_file, there.ca_file) == (None if trusted is None else Path(trusted), Path("/home/ana/own.pem"))
    command = command_of(here)
    assert ("--cacert" in command.argv) is (trusted is not None)
