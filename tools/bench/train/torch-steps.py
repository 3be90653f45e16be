# A training step of a model in PyTorch, as people write it: `python torch-steps.py FOLDER THREADS`. FOLDER holds model.json (nodes, the
# weights' places, the batch) and values.bin (float32), as models.ts writes them. Each line on stdin asks for one step, which prints the
# milliseconds of forward and backward, and of the whole step with AdamW, as JSON.
import json
import os
import sys
import time

import numpy
import torch
from torch.nn import functional


def convolution(x, weight, bias=None, *, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, **_):
    assert pads[0] == pads[2] and pads[1] == pads[3]
    return functional.conv2d(x, weight, bias, tuple(strides), tuple(pads[:2]), tuple(dilations), group)


def gemm(a, b, c=None, *, transB=0, **_):
    return functional.linear(a, b if transB else b.t(), c)


OPS = {
    "Conv": convolution,
    "Gemm": gemm,
    "MatMul": lambda a, b: a @ b,
    "Relu": lambda x: functional.relu(x),
    "HardSwish": lambda x: functional.hardswish(x),
    # Of alpha 0.2; PyTorch's own has a sixth.
    "HardSigmoid": lambda x, *, alpha=0.2, beta=0.5: torch.clamp(x * alpha + beta, 0, 1),
    "Add": lambda a, b: a + b,
    "Mul": lambda a, b: a * b,
    "MaxPool": lambda x, *, kernel_shape, strides, pads=(0, 0, 0, 0), **_: functional.max_pool2d(x, kernel_shape, strides, pads[:2]),
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "Flatten": lambda x, *, axis=1: x.flatten(axis),
    "Reshape": lambda x, shape: x.flatten(1),
}


def main():
    folder, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    with open(os.path.join(folder, "model.json")) as file:
        model = json.load(file)
    values = numpy.fromfile(os.path.join(folder, "values.bin"), numpy.float32)

    def tensor(place):
        return torch.from_numpy(values[place["at"] : place["at"] + int(numpy.prod(place["dims"]))].reshape(place["dims"]).copy())

    parameters = {name: torch.nn.Parameter(tensor(place)) for name, place in model["weights"].items()}
    images = tensor(model["images"])
    labels = torch.tensor(model["labels"])
    optimizer = torch.optim.AdamW(parameters.values(), lr=1e-4, weight_decay=0)

    def forward():
        known = {**parameters, model["input"]: images}
        for node in model["nodes"]:
            known[node["output"]] = OPS[node["op"]](*(known.get(name) for name in node["inputs"]), **node["attributes"])
        return known[model["logits"]]

    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        optimizer.zero_grad()
        functional.cross_entropy(forward(), labels).backward()
        between = time.perf_counter()
        optimizer.step()
        ended = time.perf_counter()
        print(json.dumps({"run": 1000 * (between - began), "step": 1000 * (ended - began)}), flush=True)


main()
