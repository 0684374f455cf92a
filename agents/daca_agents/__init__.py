"""Agents: callers and peers. One profile makes one agent; one image runs any profile."""
