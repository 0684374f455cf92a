"""What a command loads before it knows what it is to do: everybody waits for that, at every call."""

import subprocess
import sys


def test_only_what_talks_to_agents_loads_their_libraries() -> None:
    program = "import sys, cli.main; print(sorted({'a2a', 'agents', 'openai', 'mcp', 'grpc'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
