"""Ansible's inventories, in their static YAML subset, as typed hosts."""
