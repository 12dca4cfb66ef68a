"""Questions about a host: one module a tool. Remedies import probes, never the reverse."""
