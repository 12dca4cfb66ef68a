"""The incident around the fix, from declaration to post-mortem (runbook 1-3, 5-7).

`events` holds what happened, as values. `record` folds the events into an `Incident`. `settings` holds what the
runbook demands, and `clock` works out what is due. All of these are pure. `store` keeps the events next to the runs.
"""
