"""Who may get a token, and for which resource: an OAuth 2.1 authorization server made for MCP."""
