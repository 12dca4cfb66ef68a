"""Rehearsal: a disposable host that is broken on purpose, and everything that builds, boots and removes it."""
