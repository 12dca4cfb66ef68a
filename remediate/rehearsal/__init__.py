"""Rehearsal: builds, boots, breaks and removes disposable hosts."""
