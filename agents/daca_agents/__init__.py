"""Agents: callers and peers. One profile makes one agent; one image runs any profile."""

from daca_agents.profile import ProfileError, load_profile

__all__ = ["ProfileError", "load_profile"]
