"""Stock playbooks: one module for each symptom of the runbook."""
