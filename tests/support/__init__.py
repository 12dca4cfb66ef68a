"""Shared parts of tests: facts of example hosts, and a host that prints them."""
