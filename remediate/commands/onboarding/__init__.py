"""The parts of `init`: looks at a host that is in no inventory yet, and writes one for it."""
