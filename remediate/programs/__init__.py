"""Commands that run the reviewed programs of this package on a host."""
