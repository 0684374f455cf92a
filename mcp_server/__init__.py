"""MCP tool servers behind the door: one image, one toolset a process."""
