"""The protocol: pure functions, one file per document that states the rule."""
