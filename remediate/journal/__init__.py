"""The journal: every run's intents, recorded durably before acting, and their outcomes."""
