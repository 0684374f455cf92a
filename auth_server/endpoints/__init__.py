"""One file per URL: read the request, ask, answer."""
