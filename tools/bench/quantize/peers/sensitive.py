# Which nodes bear int8, by trying each alone on calibration data.
import json
import os
import time

import numpy
import onnx
import onnxruntime
from onnxruntime.quantization import quantize_static

from .data import Reader, samples

TYPES = ["Conv", "ConvTranspose", "Gemm", "MatMul"]
SAMPLES = 3
# The least output SQNR that is accepted of all kept nodes together.
DECIBELS = 20


def least_sensitive(model, calibration, folder, options):
    """The names of the kept nodes, and a note. Kept beside the samples: the trials take minutes, and two forms need them."""
    known = os.path.join(calibration, "least-sensitive.json")
    if not os.path.exists(known):
        began = time.perf_counter()
        kept, count, sqnr = trials(model, calibration, folder, options)
        note = f"{len(kept)} of {count} nodes, {sqnr:.1f} dB on calibration data, found in {time.perf_counter() - began:.0f} s"
        with open(known, "w") as file:
            json.dump([kept, note], file)
    with open(known) as file:
        return json.load(file)


def trials(model, calibration, folder, options):
    """The names of the kept nodes, the number of all, and the SQNR of the kept ones together in dB."""
    trial = os.path.join(folder, "trial.onnx")
    data = list(samples(calibration, SAMPLES))
    expected = outputs(model, data)

    def sqnr_of(nodes):
        quantize_static(model, trial, Reader(calibration), nodes_to_quantize=nodes, **options)
        return sqnr(expected, outputs(trial, data))

    names = [node.name for node in onnx.load(model).graph.node if node.op_type in TYPES]
    ranked = sorted(names, key=lambda name: -sqnr_of([name]))
    # The longest list of the least sensitive that holds the bound; the SQNR falls with its length.
    low, high, best = 0, len(ranked), numpy.inf
    while low < high:
        middle = (low + high + 1) // 2
        reached = sqnr_of(ranked[:middle])
        if reached >= DECIBELS:
            low, best = middle, reached
        else:
            high = middle - 1
    return ranked[:low], len(ranked), best


def outputs(path, data):
    options = onnxruntime.SessionOptions()
    # As written: AVX2's integer kernels saturate, the browser's do not.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return [numpy.concatenate([output.ravel().astype(numpy.float64) for output in session.run(None, feed)]) for feed in data]


def sqnr(expected, actual):
    signal = sum((e**2).sum() for e in expected)
    noise = sum(((e - a) ** 2).sum() for e, a in zip(expected, actual))
    return 10 * numpy.log10(signal / max(noise, 1e-30))
