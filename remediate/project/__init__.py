"""The project directory: its playbooks, and its references to secrets."""
