"""The engine: surveys, judges, applies, verifies and watches, for one host or many."""
