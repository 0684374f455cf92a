"""What survives a request."""
