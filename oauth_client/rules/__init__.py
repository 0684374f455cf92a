"""The client's side of the protocol: pure functions, one file per document that states the rule."""
