"""The transport: one script for a host, its answers, and the controller's own questions."""
