"""The authorities that the controller trusts."""

import ssl
from collections.abc import Iterable
from pathlib import Path

import pytest

from remediate.core.trust import trust


def test_certificates_are_verified_by_name_and_no_stricter_than_by_curl() -> None:
    context = trust()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST


def test_connections_that_offer_the_same_protocols_change_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    offered, offer = list[tuple[str, ...]](), ssl.SSLContext.set_alpn_protocols

    def noted(context: ssl.SSLContext, protocols: Iterable[str]) -> None:
        offered.append(tuple(protocols))
        offer(context, protocols)

    monkeypatch.setattr(ssl.SSLContext, "set_alpn_protocols", noted)
    context, other = trust(), trust()
    for protocols in (["http/1.1"], ["http/1.1"], ["h2"]):
        context.set_alpn_protocols(protocols)
    other.set_alpn_protocols(["h2"])
    assert offered == [("http/1.1",), ("h2",), ("h2",)]


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        trust(tmp_path / "missing.pem")
