"""Triage: which incident this is, and how bad."""
