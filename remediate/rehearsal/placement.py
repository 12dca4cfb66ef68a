"""Files of a staging host on this machine: its keys and its inventory entry."""

import base64
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from remediate.core.files import replace_file
from remediate.rehearsal.checkout import image_files

DEFAULT_NAME: Final = "staging"
_GENERATED: Final = "# Written by remediate for one staging host; removed with it.\n"


STOCK: Final = image_files() / "staging.yml"
"""The inventory file of the stock staging host."""


def rename_host(inventory: str, name: str) -> str:
    """Return the inventory file of the host `staging` for a host of another name."""
    return inventory.replace(f"    {DEFAULT_NAME}:\n", f"    {name}:\n", 1)


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a staging host's services on 127.0.0.1."""

    ssh: int
    http: int
    https: int


@dataclass(frozen=True, slots=True)
class Placement:
    """The places of one staging host's files.

    Private files are in the checkout, its variables in the inventory.
    """

    name: str
    directory: Path
    inventory: Path

    @property
    def private(self) -> Path:
        """The directory (0700) of this host's keys."""
        return self.directory / self.name

    @property
    def key(self) -> Path:
        """The SSH client key: 0600, ed25519, without passphrase.

        It opens only a container on this machine.
        """
        return self.private / "id_ed25519"

    @property
    def ca(self) -> Path:
        """The authorities that sign the site's certificate, and its renewals until the next boot."""
        return self.private / "ca.pem"

    @property
    def variables(self) -> Path:
        """The inventory's host_vars file of this host."""
        return self.inventory / "host_vars" / f"{self.name}.yml"

    @property
    def group_file(self) -> Path:
        """The inventory file that names this host."""
        return self.inventory / f"{self.name}.yml"

    @property
    def record(self) -> Path:
        """File that names the inventory of this host, for a cleanup after a crash."""
        return self.private / "inventory"

    def ensure_key(self) -> str:
        """Return the client key's public half as one authorized_keys line; make the key first.

        An existing key is kept.
        """
        if self.key.exists():
            key = load_ssh_private_key(self.key.read_bytes(), None)
        else:
            key = Ed25519PrivateKey.generate()
            text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
            write(self.key, text, 0o600)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return f"{public.decode()} remediate-{self.name}\n"

    def note(self) -> None:
        """Write down the inventory of this host, before anything is started."""
        write(self.record, str(self.inventory.resolve()), 0o600)

    def write_inventory(self, ports: Ports, host_key: str) -> None:
        """Write the host's variables, and an inventory file unless the project has one for it."""
        if not self.group_file.exists():
            stock = STOCK.read_text()
            own = self.name != DEFAULT_NAME
            write(self.group_file, _GENERATED + rename_host(stock, self.name) if own else stock, 0o644)
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": ports.ssh,
            "ansible_user": "forge",
            "ansible_ssh_private_key_file": str(self.key.resolve()),
            "remediate": {
                "host_key": host_key,
                "site_resolve": f"127.0.0.1:{ports.https}",
                "site_ca": str(self.ca.resolve()),
            },
        }
        write(self.variables, _GENERATED + yaml.safe_dump(variables, sort_keys=False), 0o644)

    def remove(self) -> None:
        """Remove every file of this host; the project's own inventory file stays."""
        self.variables.unlink(missing_ok=True)
        if self.group_file.exists() and self.group_file.read_text().startswith(_GENERATED):
            self.group_file.unlink()
        if self.private.is_dir():
            shutil.rmtree(self.private)


def recorded(directory: Path) -> tuple[Placement, ...]:
    """Return what earlier runs left in `directory`, with or without a container."""
    records = sorted(directory.glob("*/inventory"))
    return tuple(Placement(one.parent.name, directory, Path(one.read_text())) for one in records)


def fingerprint(public_key: str) -> str:
    """Return the fingerprint of an OpenSSH public key line, as ssh-keygen prints it.

    It is SHA256 in unpadded base64.
    """
    digest = hashlib.sha256(base64.b64decode(public_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def write(path: Path, text: str, mode: int) -> None:
    """Write a whole file atomically, with its mode from the first byte on.

    Readers see the old file or the new one.
    """
    path.parent.mkdir(mode=0o755 if mode & 0o044 else 0o700, parents=True, exist_ok=True)
    replace_file(path, text.encode(), mode)
