"""Where work runs: in this process, or on worker processes of this machine."""
