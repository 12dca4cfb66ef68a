"""Alerts from monitoring: parsed, authenticated, remembered, and decided by the project's policy."""
