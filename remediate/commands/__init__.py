"""Implementations of the commands, independent of Invoke."""
