"""Remedies: one module for each tool, named like its probes."""
