"""What mends each tool, under the names of the probes."""
