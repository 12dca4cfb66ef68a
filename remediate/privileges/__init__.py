"""What a host has to allow, and how that is installed."""
