"""The catalogue: what the server knows, in one SQLite file (or PostgreSQL), written by the server only.

`opening.Catalogue` opens it, `schema` holds the tables; the other modules read and write one kind of row
each, always through a connection that the caller got from `Catalogue.read` or `Catalogue.write`.
"""

from frazil.store.catalogue.opening import Catalogue

__all__ = ["Catalogue"]
