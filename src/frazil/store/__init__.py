"""What lasts: the session folder, particle tables, records, logs."""
