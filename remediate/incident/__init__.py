"""The runbook around the fix (1 to 3, 5 to 7): declared, acknowledged, updated, escalated, resolved, learned from.

`events` are what happened, as values, and `record` what they come to; `settings` what the runbook demands of it;
`clock` what is due. All of these are pure. `store` keeps the events beside the runs.
"""
