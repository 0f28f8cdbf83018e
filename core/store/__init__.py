"""Promises kept: SQLAlchemy Core over SQLite. A reader starts in `sql`, whose `open_store` is all other code needs.

Nothing here knows a channel, a rule's meaning or a model.
"""
