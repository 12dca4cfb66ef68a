"""The service: takes alerts, and drives playbooks durably through the same library as `fix.*`."""
