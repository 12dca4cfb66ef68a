"""Pure values: what is asked of a host, what it answered, what is decided, and what is done."""
