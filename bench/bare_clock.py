"""The clock's MCP server without its door, served the same way: `python -m bench.bare_clock PORT`."""

import sys

import uvicorn
import uvloop

from mcp_server.server import mcp_server, served
from mcp_server.tools.clock import ClockTools
from sidecar.process import configure_logs, server_config

if __name__ == "__main__":
    configure_logs("bare-clock")
    app = served(mcp_server("clock", ClockTools()))
    uvloop.run(uvicorn.Server(server_config(app, host="127.0.0.1", port=int(sys.argv[1]))).serve())
