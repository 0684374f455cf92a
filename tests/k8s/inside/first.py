"""The moment at which a URL first answers 200, in seconds since 1970.

usage: first.py URL
"""

import http.client
import json
import sys
import time
import urllib.parse

url = urllib.parse.urlsplit(sys.argv[1])
end = time.time() + 60
while time.time() < end:
    connection = http.client.HTTPConnection(url.netloc, timeout=1)
    try:
        connection.request("GET", url.path)
        if connection.getresponse().status == 200:
            break
    except OSError:
        time.sleep(0.005)
    finally:
        connection.close()
sys.stdout.write(json.dumps({"at": time.time()}) + "\n")
