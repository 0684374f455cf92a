"""What it takes to load an app, in seconds of CPU: nearly all of its start.

usage: start.py MODULE
"""

import importlib
import json
import sys
import time

importlib.import_module(sys.argv[1])
sys.stdout.write(json.dumps({"cpu": round(time.process_time(), 2)}) + "\n")
