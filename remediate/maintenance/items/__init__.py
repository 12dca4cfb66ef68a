"""The items of the runbook's chapter 8, one module each."""
