"""The authorities that the controller trusts."""

import ssl
from pathlib import Path

import pytest

from remediate.core.trust import trust


def test_certificates_are_verified_by_name_and_no_stricter_than_by_curl() -> None:
    context = trust()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        trust(tmp_path / "missing.pem")
