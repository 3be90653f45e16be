# Half floats, 4 bits a weight, and NNCF. What they import is loaded where it is used: not every form needs it.
import sys
import types

import onnx

from .data import Reader, pre_process, samples, save, scratch


def fp16(source, calibration, target):
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with scratch() as folder:
        model = onnx.load(pre_process(source, folder))
    save(convert_float_to_float16(model, keep_io_types=True), target)


def four_bits(gptq):
    def make(source, calibration, target):
        from onnxruntime.quantization import matmul_nbits_quantizer as nbits

        without_torch()
        with scratch() as folder:
            model = onnx.load(pre_process(source, folder))
        config = nbits.GPTQWeightOnlyQuantConfig(calibration_data_reader=Reader(calibration)) if gptq else None
        quantizer = nbits.MatMulNBitsQuantizer(model, block_size=32, is_symmetric=True, algo_config=config)
        quantizer.process()
        save(quantizer.model.model, target)

    return make


def without_torch():
    """GPTQ asks PyTorch, which is gigabytes, for nothing but the type of arrays and for a GPU."""
    torch = types.ModuleType("torch")
    torch.Tensor = type("Tensor", (), {})
    torch.cuda = types.SimpleNamespace(is_available=lambda: False)
    sys.modules["torch"] = torch


def nncf_static(full):
    def make(source, calibration, target):
        import nncf

        data = list(samples(calibration))
        with scratch() as folder:
            model = onnx.load(pre_process(source, folder))
        save(nncf.quantize(model, nncf.Dataset(data), subset_size=len(data), fast_bias_correction=not full), target)

    return make


def nncf_weights(source, calibration, target):
    import nncf

    with scratch() as folder:
        model = onnx.load(pre_process(source, folder))
    save(nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM), target)


FORMS = {
    "fp16": fp16,
    "MatMulNBits, 4 bits": four_bits(False),
    "MatMulNBits, 4 bits, GPTQ": four_bits(True),
    "NNCF static int8": nncf_static(False),
    "NNCF static int8, full bias correction": nncf_static(True),
    "NNCF int8 weights": nncf_weights,
}
