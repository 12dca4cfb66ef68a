"""What many tests share: facts of healthy and broken hosts, and a host that prints them."""
