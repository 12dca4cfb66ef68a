"""One module for each line of the runbook's chapter 8: what is asked for it, and what the answer is."""
