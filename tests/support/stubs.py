"""Shell scripts that stand for programs."""

from pathlib import Path


def stub(path: Path, script: str) -> Path:
    """Write the script as an executable, and return its path."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
