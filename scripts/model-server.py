"""Serves one GGUF file behind llama.cpp's own server, which speaks OpenAI's API.

model-server.py LIBRARY_FOLDER MODEL_FILE NAME PORT [PID]: until it is killed, or the process PID
ends, on the loopback only. scripts/model.sh starts and stops it.
"""

import os
import select
import sys
import time

library, model, name, port = sys.argv[1:5]
watched = [os.pidfd_open(int(pid)) for pid in sys.argv[5:] if pid]
sys.path.insert(0, library)

import xllamacpp  # noqa: E402  found only through the line above

params = xllamacpp.CommonParams()
params.model.path = model
params.model_alias = {name}
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.n_ctx = 8192
params.n_parallel = 4
params.n_predict = 256  # a small model may not find an end by itself
params.sampling.temp = 0.3
# One core stays free: threads that wait for each other crawl where others want the cores too.
params.cpuparams.n_threads = max(1, min(8, (os.cpu_count() or 1) - 1))
params.cpuparams.poll = 0
params.use_jinja = True

server = xllamacpp.Server(params)
print("listening at", server.listening_address, flush=True)
if watched:
    select.select(watched, [], [])
    os._exit(0)
while True:
    time.sleep(3600)
