"""When this container's first process began, in seconds since 1970: by the kernel's clock, to a hundredth."""

import json
import os
import sys
import time
from pathlib import Path

up = float(Path("/proc/uptime").read_text().split()[0])
began = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
sys.stdout.write(json.dumps({"at": time.time() - up + began}) + "\n")
