"""Agents: callers and peers. One profile makes one agent; one image runs any profile."""

from daca_agents.bridge import Bridge
from daca_agents.profile import ProfileError, load_profile

__all__ = ["Bridge", "ProfileError", "load_profile"]
