"""Rebuilds an application's configuration cache and swaps it in."""

from remediate.core.command import Run
from remediate.programs.run import run_php


def cache_config(php: str, path: str, user: str) -> Run:
    """Return the command that builds a new configuration cache and swaps it in.

    The new cache is built next to the one in use, checked, and renamed into its place, so no request runs without a
    cache. If the command fails, the old cache stays as it was, byte for byte.
    """
    return run_php(php, "cache_config", path, user=user, seconds=60)
