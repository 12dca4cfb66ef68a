"""The incident around the fix, from declaration to post-mortem (runbook 1-3, 5-7).

`events` are what happened, as values, and `record` what they come to; `settings` what the runbook demands of it;
`clock` what is due. All of these are pure. `store` keeps the events beside the runs.
"""
