"""Run by alembic, inside the transaction that `database` holds: the lock and the commit are its business."""

from alembic import context

from remediate.migrations.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
