# The calibration samples that all tools get, and the pre-processing that onnxruntime's quantizer asks for.
import glob
import os
import tempfile

import numpy
import onnx
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader
from onnxruntime.quantization.shape_inference import quant_pre_process


def samples(folder, most=None):
    for path in paths(folder)[:most]:
        yield read(path)


def paths(folder):
    return sorted(glob.glob(os.path.join(folder, "*.npz")))


def read(path):
    with numpy.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files if name != "label"}


class Reader(CalibrationDataReader):
    """One sample at a time: none of the tools has to hold all of them. May be copied, which some ask for."""

    def __init__(self, folder):
        self.paths = paths(folder)
        self.at = 0

    def rewind(self):
        self.at = 0

    def get_next(self):
        self.at += 1
        return read(self.paths[self.at - 1]) if self.at <= len(self.paths) else None


def pre_process(source, folder):
    """As its documentation says, from opset 13 on, which scales per channel need; without symbolic shape inference where that fails."""
    upgraded = os.path.join(folder, "upgraded.onnx")
    target = os.path.join(folder, "pre-processed.onnx")
    model = onnx.load(source)
    if next(entry.version for entry in model.opset_import if not entry.domain) < 13:
        model = version_converter.convert_version(model, 13)
    onnx.save(model, upgraded)
    try:
        quant_pre_process(upgraded, target)
    except Exception:
        quant_pre_process(upgraded, target, skip_symbolic_shape=True)
    return target


def scratch():
    return tempfile.TemporaryDirectory(prefix="peer-")


def save(model, target):
    """onnxruntime-web refuses files of a newer IR version than it knows."""
    model.ir_version = min(model.ir_version, 10)
    onnx.save(model, target)
