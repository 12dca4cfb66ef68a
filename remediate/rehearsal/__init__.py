"""Rehearsals: disposable hosts are built, booted, broken and removed."""
