"""Shared parts of tests: facts of example hosts, and a host that prints them."""

import pytest

# Their assertions show values, as those of a test module do.
pytest.register_assert_rewrite(
    *("support.command_line", "support.staged_backups", "support.staged_env"),
    *("support.shop_project", "support.staged_host", "support.watched_host"),
)
