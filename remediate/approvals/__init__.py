"""Plans that a person approves: their hashes, proposals, approvals, and the one run that each allows."""
