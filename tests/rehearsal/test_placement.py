"""A staging host's files on this machine: its key, its inventory and what is recorded of it."""

import stat
from pathlib import Path

from remediate.rehearsal.checkout import image_files
from remediate.rehearsal.placement import Placement, Ports, fingerprint, recorded, write


def test_fingerprint_is_the_one_of_ssh_keygen() -> None:
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f comment"
    assert fingerprint(public) == "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"


def test_key_is_private_and_made_once(tmp_path: Path) -> None:
    placement = Placement("staging", tmp_path / ".staging", tmp_path / "inventories")
    first = placement.ensure_key()
    assert placement.ensure_key() == first
    assert first.startswith("ssh-ed25519 ")
    assert stat.S_IMODE(placement.key.stat().st_mode) == 0o600


def test_inventory_appears_and_disappears(tmp_path: Path) -> None:
    inventory = tmp_path / "inventories"
    for name in ("staging", "other"):
        placement = Placement(name, tmp_path / ".staging", inventory)
        placement.ensure_key()
        placement.note()
        placement.write_inventory(Ports(ssh=4022, http=4080, https=4443), "SHA256:" + "A" * 43)
    assert "  hosts:\n    other:\n" in (inventory / "other.yml").read_text()
    assert "ansible_port: 4022" in (inventory / "host_vars" / "other.yml").read_text()
    assert "site_resolve: 127.0.0.1:4443" in (inventory / "host_vars" / "staging.yml").read_text()
    placements = recorded(tmp_path / ".staging")
    assert [placement.name for placement in placements] == ["other", "staging"]
    for placement in placements:
        placement.remove()
    assert recorded(tmp_path / ".staging") == ()
    assert sorted(path.name for path in inventory.rglob("*.yml")) == ["staging.yml"]


def test_the_committed_inventory_is_the_shipped_one() -> None:
    committed = Path(__file__).parents[2] / "inventories" / "staging.yml"
    assert committed.read_text() == (image_files() / "staging.yml").read_text()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write(path, "one", 0o600)
    write(path, "two", 0o644)
    assert path.read_text() == "two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]
