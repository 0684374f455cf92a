"""The toolsets. One file a subject; each tool names, beside its definition, the scope it needs."""
