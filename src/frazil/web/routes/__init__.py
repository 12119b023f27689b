"""What the REST API offers, one module for each subject."""
