"""The rules of the door: pure functions, one file per document that states the rule."""
