"""The parts of `init`, which looks at a new host and writes an inventory."""
