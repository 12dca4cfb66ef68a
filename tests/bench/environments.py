"""The environments of the peers: pinned with hashes, of one Python, with their bytecode compiled."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PEERS: Final = ("fabric", "pyinfra", "ansible")
_REQUIREMENTS: Final = Path(__file__).parent / "requirements"
_NAMED: Final = ("fabric", "paramiko", "pyinfra", "ansible-core", "mitogen")


class BenchError(Exception):
    """The bench cannot run, in one line."""


def prepare(uv: str, folder: Path) -> None:
    """Make every environment that is missing, and install this checkout as its users would."""
    for name in PEERS:
        place = folder / name
        if not (place / "bin/python").exists():
            _call(uv, "venv", "--quiet", "--python", sys.executable, str(place))
        wanted = _REQUIREMENTS / f"{name}.txt"
        options = ("--quiet", "--compile-bytecode", "--require-hashes", "--python", str(place))
        _call(uv, "pip", "sync", *options, str(wanted))
    _call(
        *("env", f"UV_PROJECT_ENVIRONMENT={folder / 'remediate'}", uv, "sync", "--frozen", "--quiet", "--no-dev"),
        *("--no-editable", "--compile-bytecode", "--reinstall-package", "remediate"),
    )


def mitogen_strategies(folder: Path) -> Path:
    """Return the folder of Mitogen's plugins for Ansible."""
    return next((folder / "ansible/lib").glob("python3*/site-packages/ansible_mitogen/plugins/strategy"))


def versions() -> dict[str, str]:
    """Return the pinned versions of the peers."""
    pinned = {name: (_REQUIREMENTS / f"{name}.txt").read_text() for name in PEERS}
    found = {name: re.findall(r"^([a-z-]+)==(\S+)", text, re.MULTILINE) for name, text in pinned.items()}
    return {
        peer: ", ".join(f"{name} {version}" for name, version in of if name in _NAMED) for peer, of in found.items()
    }


def _call(*argv: str) -> None:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(argv[:3])} …: {done.stderr.strip()[-500:]}")
