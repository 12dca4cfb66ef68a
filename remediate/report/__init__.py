"""Renderers of a run or its Report."""
