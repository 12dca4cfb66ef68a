"""The inventory: Ansible's, its static YAML subset, read into typed hosts."""

from remediate.inventory.selection import Inventory, discover

__all__ = ["Inventory", "discover"]
