"""Questions about a host, one module for each tool. Remedies import probes, never the reverse."""
