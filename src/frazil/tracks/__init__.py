"""What happens when: three tracks look at what the catalogue says is missing and hand it to the engine."""
