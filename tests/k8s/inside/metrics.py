"""Metrics of a sidecar: the names there are, and the sum of one.

usage: metrics.py URL NAME
"""

import json
import re
import sys
import urllib.request

url, name = sys.argv[1:]
with urllib.request.urlopen(url, timeout=10) as answer:
    text = answer.read().decode()
samples = re.findall(r"^(\w+)(?:\{[^}]*\})? (\S+)$", text, re.MULTILINE)
found = {
    "names": sorted({sample for sample, _ in samples}),
    "sum": sum(float(v) for sample, v in samples if sample == name),
}
sys.stdout.write(json.dumps(found) + "\n")
