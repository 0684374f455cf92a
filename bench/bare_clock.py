"""The clock's MCP server without its door, the same process in all else: `python -m bench.bare_clock PORT FOLDER`."""

import sys
from pathlib import Path

from mcp_server.server import mcp_server, served
from mcp_server.tools.clock import ClockTools
from sidecar.process import Process, run

if __name__ == "__main__":
    process = Process(app_id="clock", host="127.0.0.1", port=int(sys.argv[1]), data=Path(sys.argv[2]), routes={})
    run(lambda _: served(mcp_server("clock", ClockTools())), process)
