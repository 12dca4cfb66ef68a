"""Remedies, one module a tool, named like the probes."""
