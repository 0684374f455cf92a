"""identity.yaml: who may get a token, and for what, as data."""
