"""Output that masks secrets in everything that leaves, and survives a failed write."""
