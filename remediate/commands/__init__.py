"""What each command does, once its flags are read: no module here knows Invoke."""
