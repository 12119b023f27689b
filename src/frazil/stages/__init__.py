"""One unit of work on files: preprocess a movie, extract, classify. Idempotent; products appear by rename."""
