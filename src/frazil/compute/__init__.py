"""The science: pure functions on arrays and torch tensors. No files, no clock, no settings look-up."""
