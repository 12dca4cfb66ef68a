"""The sink: secrets are masked in whatever leaves, and output never ends a run."""
