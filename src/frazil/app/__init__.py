"""Use cases: what a person asks for, put together from stages, store and engine."""
