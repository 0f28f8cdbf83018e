"""The schema's history as Alembic revisions, one file each under versions/."""
