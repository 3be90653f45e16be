# What ir-once.mjs does, by the onnx package; without a file, the peak of a Python that has loaded it.
import json
import resource
import sys
import time

import onnx

times = {}
if len(sys.argv) > 1:
    began = time.perf_counter()
    model = onnx.load(sys.argv[1])
    read = time.perf_counter()
    onnx.save(model, sys.argv[2])
    times = {"read": (read - began) * 1000, "write": (time.perf_counter() - read) * 1000}
print(json.dumps({**times, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
