"""Pure values: questions for a host, their answers, the decisions, and the changes."""
