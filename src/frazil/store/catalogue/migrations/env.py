"""How Alembic reaches the catalogue: through the connection that `Catalogue` hands over."""

from alembic import context

from frazil.store.catalogue.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
