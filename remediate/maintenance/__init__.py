"""Prevention and regular maintenance (runbook 8)."""
