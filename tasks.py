"""The tasks of this checkout: `invoke --list`."""

from pathlib import Path

from remediate.cli import namespace

ns = namespace(Path(__file__).parent)
