"""The `daca` command: one file a command, one line a failure."""
