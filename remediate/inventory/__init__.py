"""The inventory: Ansible's, its static YAML subset, read into typed hosts."""
