# onnxruntime.quantization: static int8 with its pre-processing, and dynamic int8.
import logging
import os

import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType, quantize_dynamic, quantize_static

from . import stored
from .data import Reader, pre_process, save, scratch
from .sensitive import least_sensitive

# Unsigned activations and signed weights: what is fast in wasm, and what the documentation advises for CPUs.
U8S8 = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}


def static(**options):
    def make(source, calibration, target):
        with scratch() as folder:
            quantize_static(pre_process(source, folder), target, Reader(calibration), **options)
        save(onnx.load(target), target)

    return make


def without_sensitive(store_rest):
    """Per channel on the nodes that bear it; the rest in float, or with its weights stored in int8."""

    def make(source, calibration, target):
        with scratch() as folder:
            model = pre_process(source, folder)
            options = {**U8S8, "per_channel": True, "calibration_cache_path": os.path.join(folder, "ranges.json")}
            kept, note = least_sensitive(model, calibration, folder, options)
            if not kept:
                raise RuntimeError("no node can be quantized")
            quantize_static(model, target, Reader(calibration), nodes_to_quantize=kept, **options)
        quantized = onnx.load(target)
        if store_rest:
            stored.round_weights(quantized, 8)
        save(quantized, target)
        return note

    return make


def dynamic(**options):
    def make(source, calibration, target):
        with scratch() as folder:
            quantize_dynamic(pre_process(source, folder), target, **options)
        save(onnx.load(target), target)

    return make


FORMS = {
    "static int8": static(),
    "static U8S8": static(**U8S8),
    "static U8S8 per channel": static(per_channel=True, **U8S8),
    "static U8S8 per channel, percentile": static(
        per_channel=True,
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"CalibPercentile": 99.999},
        **U8S8,
    ),
    "static U8S8 per channel, sensitive nodes excluded": without_sensitive(False),
    "static U8S8 per channel, sensitive nodes stored": without_sensitive(True),
    # Unsigned weights: wasm has no ConvInteger of signed ones.
    "dynamic int8": dynamic(weight_type=QuantType.QUInt8, extra_options={"EnableSubgraph": True}),
    "dynamic int8 per channel, MatMul only": dynamic(op_types_to_quantize=["MatMul", "Gemm"], per_channel=True),
}

logging.getLogger().setLevel(logging.ERROR)
