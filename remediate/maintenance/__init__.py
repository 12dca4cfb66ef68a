"""Prevention and regular maintenance (runbook 8): what is looked at when nothing is on fire."""
