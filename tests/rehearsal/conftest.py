"""Fixtures: what the tests with a staging host put back."""

from collections.abc import Iterator

import pytest

from support.staged_env import APP, CACHED
from support.staged_host import Staged


@pytest.fixture
def configuration_kept(staged: Staged) -> Iterator[None]:
    """Put the application's configuration back, whatever a test makes of it."""
    keep = f"cp -a {APP}/.env {CACHED} /root/kept/"
    staged.sh(f"rm -rf /root/kept; mkdir /root/kept; {keep}")
    yield
    staged.sh(
        f"cd {APP}; chown forge: .;"
        " rm -rf .env .env.* shared other bootstrap/cache/config*;"
        f" cp -a /root/kept/.env {APP}/; cp -a /root/kept/config.php {CACHED}; chmod 755 {APP}"
    )
