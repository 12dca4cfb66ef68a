"""Triage: the likely incident and its severity."""
