"""Where work runs. Knows nothing of what the work is: a task is a function, its arguments and a key."""
