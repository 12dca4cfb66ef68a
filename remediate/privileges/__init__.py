"""The permissions that a host has to grant, and their installation."""
