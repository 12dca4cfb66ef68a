"""The journal's database: its tables, how it is opened, and how an older one is brought to today's shape.

`schema` says what the tables are now, `versions/` how they came to be, `database` opens one; `env.py` is run by
alembic. Code outside of `remediate.journal` has no business here.
"""
