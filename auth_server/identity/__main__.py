"""`python -m auth_server.identity`: writes the JSON Schema of identity.yaml to where it is published."""

from pathlib import Path

from auth_server.identity.shape import schema

if __name__ == "__main__":
    Path("docs/identity.schema.json").write_text(schema(), encoding="utf-8")
