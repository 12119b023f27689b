"""Particles added and removed by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change the tables."""
    op.add_column("movies", sa.Column("manual_picks", sa.JSON(), nullable=True))
