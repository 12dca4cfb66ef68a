"""Stock playbooks: one module a symptom of the runbook."""
