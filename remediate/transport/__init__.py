"""The wire: one script for a host, its answers, and the machine that runs remediate as a second vantage."""
