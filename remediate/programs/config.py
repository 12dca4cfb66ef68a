"""Rebuilds an application's configuration cache without a moment in which there is none."""

from remediate.core.command import Run
from remediate.programs.run import PROGRAMS, run_php


def cache_config(php: str, path: str, user: str) -> Run:
    """Return the command that builds the cache beside the one in use, checks it, and renames it into its place.

    When it fails, the one in use is as it was, byte for byte.
    """
    return run_php(php, PROGRAMS, "cache_config", path, user=user, seconds=60)
