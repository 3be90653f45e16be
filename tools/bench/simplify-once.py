# What simplify-once.mjs does, by onnxslim or onnxsim.
import json
import sys
import time

import onnx

tool, source, target = sys.argv[1:]
if tool == "onnxslim":
    from onnxslim import slim
elif tool == "onnxsim":
    from onnxsim import simplify
else:
    raise SystemExit(f"no tool {tool}")

began = time.perf_counter()
model = onnx.load(source)
read = time.perf_counter()
model = slim(model) if tool == "onnxslim" else simplify(model)[0]
simplified = time.perf_counter()
onnx.save(model, target)
times = {"read": read - began, "simplify": simplified - read, "write": time.perf_counter() - simplified}
print(json.dumps({name: seconds * 1000 for name, seconds in times.items()}))
