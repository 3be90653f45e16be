"""Prints small TensorFlow Lite models, one JSON object a line, with random inputs and the outputs that LiteRT's own kernels give."""
import base64
import json

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter, OpResolverType

rng = np.random.default_rng(7)
TYPES = {"float32": s.TensorType.FLOAT32, "float16": s.TensorType.FLOAT16, "int32": s.TensorType.INT32, "int64": s.TensorType.INT64,
         "int8": s.TensorType.INT8, "uint8": s.TensorType.UINT8, "int16": s.TensorType.INT16, "bool": s.TensorType.BOOL}
B = s.BuiltinOperator


class Net:
    """A model of one subgraph; tensors are named by their numbers."""

    def __init__(self):
        self.model, self.graph = s.ModelT(), s.SubGraphT()
        self.model.version, self.model.description = 3, "case"
        self.model.operatorCodes, self.model.subgraphs, self.model.buffers = [], [self.graph], [s.BufferT()]
        g = self.graph
        g.tensors, g.operators, g.inputs, g.outputs, g.name = [], [], [], [], "main"
        self.feeds = []

    def tensor(self, shape, kind="float32", data=None, quant=None, name=None):
        t = s.TensorT()
        t.shape, t.type, t.name, t.buffer = [int(d) for d in shape], TYPES[kind], name or f"t{len(self.graph.tensors)}", 0
        t.quantization = None
        if quant:
            q = s.QuantizationParametersT()
            scale, zero, *axis = quant
            q.scale, q.zeroPoint = [float(v) for v in np.ravel(scale)], [int(v) for v in np.ravel(zero)]
            q.quantizedDimension = axis[0] if axis else 0
            t.quantization = q
        if data is not None:
            b = s.BufferT()
            b.data = np.frombuffer(np.ascontiguousarray(data, dtype=kind).tobytes(), np.uint8)
            t.buffer = len(self.model.buffers)
            self.model.buffers.append(b)
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def const(self, data, kind="float32", quant=None):
        data = np.asarray(data, dtype=kind)
        return self.tensor(data.shape, kind, data, quant)

    def input(self, value, kind="float32", quant=None):
        value = np.asarray(value, dtype=kind)
        t = self.tensor(value.shape, kind, None, quant, f"in{len(self.feeds)}")
        self.graph.inputs.append(t)
        self.feeds.append(value)
        return t

    def op(self, name, inputs, outs, options=None, **fields):
        """outs: shapes, or (shape, type) or (shape, type, quant); gives the numbers of the tensors."""
        outs = [o if isinstance(o, tuple) else (o, "float32") for o in outs]
        outputs = [self.tensor(*(o[:2]), None, o[2] if len(o) > 2 else None) for o in outs]
        code = s.OperatorCodeT()
        number = getattr(B, name)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), fields.pop("version", 1)
        self.model.operatorCodes.append(code)
        node = s.OperatorT()
        node.opcodeIndex, node.inputs, node.outputs = len(self.model.operatorCodes) - 1, list(inputs), outputs
        if options:
            table = getattr(s, options + "T")()
            for key, value in fields.items():
                assert hasattr(table, key), key
                setattr(table, key, value)
            node.builtinOptions, node.builtinOptionsType = table, getattr(s.BuiltinOptions, options)
        self.graph.operators.append(node)
        return outputs[0] if len(outputs) == 1 else outputs

    def bytes(self, *outputs):
        self.graph.outputs = list(outputs)
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def emit(name, net, *outputs):
    content = net.bytes(*outputs)
    it = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    it.allocate_tensors()
    for detail, value in zip(it.get_input_details(), net.feeds):
        it.set_tensor(detail["index"], value)
    it.invoke()
    show = lambda name, a: {"name": name, "type": str(a.dtype), "dims": list(a.shape), "data": base64.b64encode(a.tobytes()).decode()}
    print(json.dumps({
        "case": name, "model": base64.b64encode(content).decode(),
        "inputs": [show(d["name"], v) for d, v in zip(it.get_input_details(), net.feeds)],
        "outputs": [show(d["name"], np.asarray(it.get_tensor(d["index"]))) for d in it.get_output_details()]}))


def rand(*shape):
    return rng.normal(size=shape).astype(np.float32)


def one(case, op, inputs, out, options=None, **fields):
    """A case of one op; inputs are arrays, or ('const', array)."""
    net = Net()
    refs = [net.const(i[1], i[1].dtype.name) if isinstance(i, tuple) else net.input(i, i.dtype.name) for i in inputs]
    result = net.op(op, refs, out if isinstance(out, list) and out and isinstance(out[0], (list, tuple)) else [out], options, **fields)
    emit(case, net, *(result if isinstance(result, list) else [result]))


def c(value, kind="int32"):
    return "const", np.asarray(value, dtype=kind)


def f(value):
    return c(value, "float32")


SAME, VALID = 0, 1
RELU, RELU6 = 1, 3

# Convolutions and pools, each with odd and even sizes, strides and paddings.
for h, k, st, d, pad in [(7, 3, 1, 1, SAME), (8, 3, 2, 1, SAME), (7, 3, 2, 1, SAME), (6, 2, 1, 1, SAME), (9, 3, 1, 2, SAME), (7, 3, 2, 1, VALID)]:
    reach = (k - 1) * d + 1
    o = -(-h // st) if pad == SAME else (h - reach) // st + 1
    one(f"conv {h} {k} {st} {d} {pad}", "CONV_2D", [rand(1, h, h + 1 if pad == SAME and st == 1 else h, 3), f(rand(4, k, k, 3)), f(rand(4))],
        [1, o, o + 1 if pad == SAME and st == 1 else o, 4], "Conv2DOptions", padding=pad, strideH=st, strideW=st, dilationHFactor=d, dilationWFactor=d,
        fusedActivationFunction=RELU6)
    one(f"depthwise {h} {k} {st} {d} {pad}", "DEPTHWISE_CONV_2D", [rand(1, h, h, 3), f(rand(1, k, k, 6)), f(rand(6))], [1, o, o, 6],
        "DepthwiseConv2DOptions", padding=pad, strideH=st, strideW=st, dilationHFactor=d, dilationWFactor=d, depthMultiplier=2, fusedActivationFunction=RELU)
for h, k, st, pad in [(4, 3, 2, SAME), (4, 2, 2, SAME), (4, 3, 1, SAME), (4, 3, 2, VALID), (3, 2, 3, SAME), (4, 5, 2, SAME)]:
    o = h * st if pad == SAME else (h - 1) * st + k
    one(f"transpose conv {h} {k} {st} {pad}", "TRANSPOSE_CONV", [c([1, o, o, 2]), f(rand(2, k, k, 3)), rand(1, h, h, 3)], [1, o, o, 2],
        "TransposeConvOptions", padding=pad, strideH=st, strideW=st)
one("transpose conv odd", "TRANSPOSE_CONV", [c([1, 7, 7, 2]), f(rand(2, 3, 3, 3)), rand(1, 4, 4, 3)], [1, 7, 7, 2], "TransposeConvOptions",
    padding=SAME, strideH=2, strideW=2)
for name in ("MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D"):
    for pad, o in ((SAME, 4), (VALID, 3)):
        one(f"{name} {pad}", name, [rand(1, 7, 7, 2)], [1, o, o, 2], "Pool2DOptions", padding=pad, strideH=2, strideW=2, filterHeight=3, filterWidth=2 + (pad == VALID))
one("lrn", "LOCAL_RESPONSE_NORMALIZATION", [rand(1, 2, 2, 7)], [1, 2, 2, 7], "LocalResponseNormalizationOptions", radius=2, bias=1.0, alpha=0.3, beta=0.5)
for name in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
    options = "ResizeBilinearOptions" if "BIL" in name else "ResizeNearestNeighborOptions"
    for aligned, half in ((0, 0), (1, 0), (0, 1)):
        for size in ((6, 8), (5, 7), (2, 3)):
            one(f"{name} {aligned} {half} {size}", name, [rand(1, 3, 4, 2), c(size)], [1, *size, 2], options, alignCorners=bool(aligned), halfPixelCenters=bool(half))

# Products of matrices.
one("fully connected", "FULLY_CONNECTED", [rand(2, 5), f(rand(3, 5)), f(rand(3))], [2, 3], "FullyConnectedOptions", fusedActivationFunction=RELU)
one("fully connected of 4 dims", "FULLY_CONNECTED", [rand(2, 1, 2, 3), f(rand(4, 6))], [2, 4], "FullyConnectedOptions")
one("fully connected, dims kept", "FULLY_CONNECTED", [rand(2, 3, 5), f(rand(4, 5)), f(rand(4))], [2, 3, 4], "FullyConnectedOptions", keepNumDims=True)
one("batch matmul", "BATCH_MATMUL", [rand(2, 3, 4), rand(2, 5, 4)], [2, 3, 5], "BatchMatMulOptions", adjX=False, adjY=True)
one("batch matmul x", "BATCH_MATMUL", [rand(2, 4, 3), f(rand(2, 4, 5))], [2, 3, 5], "BatchMatMulOptions", adjX=True, adjY=False)
one("l2 normalization", "L2_NORMALIZATION", [rand(1, 2, 3, 4)], [1, 2, 3, 4], "L2NormOptions")

# Elementwise.
for name, options in {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions", "MAXIMUM": None, "MINIMUM": None,
                      "SQUARED_DIFFERENCE": None, "FLOOR_DIV": None, "FLOOR_MOD": None, "LESS": None, "LESS_EQUAL": None, "GREATER": None,
                      "GREATER_EQUAL": None, "EQUAL": None, "NOT_EQUAL": None}.items():
    kind = "bool" if name.split("_")[0] in ("LESS", "GREATER", "EQUAL", "NOT") else "float32"
    extra = {"fusedActivationFunction": RELU} if options else {}
    one(name.lower(), name, [rand(1, 2, 3, 4), rand(4)], ([1, 2, 3, 4], kind), options, **extra)
for name in ("FLOOR_DIV", "FLOOR_MOD", "ADD", "MUL"):
    values = [np.array([7, -7, 7, -7, 6], np.int32), np.array([3, 3, -3, -3, 3], np.int32)]
    one(f"{name.lower()} of int32", name, values, ([5], "int32"), {"ADD": "AddOptions", "MUL": "MulOptions"}.get(name))
for name in ("RELU", "RELU6", "RELU_N1_TO_1", "TANH", "LOGISTIC", "HARD_SWISH", "ELU", "ABS", "NEG", "EXP", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND",
             "ZEROS_LIKE", "LOG_SOFTMAX", "RELU_0_TO_1", "SIGN"):
    one(name.lower(), name, [4 * rand(1, 2, 3, 4)], [1, 2, 3, 4])
for name in ("LOG", "SQRT", "RSQRT"):
    one(name.lower(), name, [abs(rand(3, 4)) + 0.1], [3, 4])
one("leaky relu", "LEAKY_RELU", [rand(3, 4)], [3, 4], "LeakyReluOptions", alpha=0.2)
one("gelu", "GELU", [rand(3, 4)], [3, 4], "GeluOptions", approximate=False)
one("gelu by tanh", "GELU", [rand(3, 4)], [3, 4], "GeluOptions", approximate=True)
one("prelu", "PRELU", [rand(1, 2, 3, 4), f(rand(1, 1, 4))], [1, 2, 3, 4])
one("softmax", "SOFTMAX", [rand(1, 2, 3, 4)], [1, 2, 3, 4], "SoftmaxOptions", beta=0.7)
one("pow", "POW", [abs(rand(3, 4)), rand(3, 4)], [3, 4])
one("add n", "ADD_N", [rand(3, 4), rand(3, 4), rand(3, 4)], [3, 4])
one("logical and", "LOGICAL_AND", [rand(4) > 0, rand(4) > 0], ([4], "bool"))
one("logical or", "LOGICAL_OR", [rand(4) > 0, rand(4) > 0], ([4], "bool"))
one("logical not", "LOGICAL_NOT", [rand(4) > 0], ([4], "bool"))
one("select", "SELECT", [rand(3) > 0, rand(3, 2), rand(3, 2)], [3, 2])
one("select v2", "SELECT_V2", [rand(3, 1) > 0, rand(3, 2), rand(1, 2)], [3, 2])

# Reductions.
for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
    one(f"{name.lower()} spatial", name, [rand(1, 3, 4, 2), c([1, 2])], [1, 2], "ReducerOptions", keepDims=False)
    one(f"{name.lower()} kept", name, [rand(1, 3, 4, 2), c([-1])], [1, 3, 4, 1], "ReducerOptions", keepDims=True)
one("reduce any", "REDUCE_ANY", [rand(3, 4) > 1, c([1])], ([3], "bool"), "ReducerOptions", keepDims=False)
one("reduce all", "REDUCE_ALL", [rand(3, 4) > -1, c([1])], ([3], "bool"), "ReducerOptions", keepDims=False)
one("arg max", "ARG_MAX", [rand(1, 3, 4, 5), c([3])], ([1, 3, 4], "int64"), "ArgMaxOptions", outputType=TYPES["int64"])
one("arg min", "ARG_MIN", [rand(3, 4), c([0])], ([4], "int32"), "ArgMinOptions", outputType=TYPES["int32"])
one("cumsum", "CUMSUM", [rand(3, 4), c(1)], [3, 4], "CumsumOptions", exclusive=True, reverse=True)
one("top k", "TOPK_V2", [rand(3, 6), c(2)], [([3, 2], "float32"), ([3, 2], "int32")])

# Shapes.
one("reshape", "RESHAPE", [rand(1, 2, 3, 4), c([2, -1])], [2, 12], "ReshapeOptions", newShape=[2, -1])
one("squeeze", "SQUEEZE", [rand(1, 1, 3, 4)], [3, 4], "SqueezeOptions", squeezeDims=[0, 1])
one("squeeze all", "SQUEEZE", [rand(1, 3, 1, 4)], [3, 4], "SqueezeOptions")
one("expand dims", "EXPAND_DIMS", [rand(3, 4), c(-1)], [3, 4, 1])
one("concatenation", "CONCATENATION", [rand(1, 2, 3, 1), rand(1, 2, 3, 2)], [1, 2, 3, 3], "ConcatenationOptions", axis=-1, fusedActivationFunction=0)
one("pad", "PAD", [rand(1, 2, 3, 4), c([[0, 0], [1, 2], [0, 1], [2, 0]])], [1, 5, 4, 6])
one("pad v2", "PADV2", [rand(2, 3), c([[0, 1], [2, 0]]), f(3.5)], [3, 5])
one("mirror pad", "MIRROR_PAD", [rand(4, 3), c([[2, 1], [2, 2]])], [7, 7], "MirrorPadOptions", mode=0)
one("mirror pad, symmetric", "MIRROR_PAD", [rand(4, 3), c([[1, 1], [0, 1]])], [6, 4], "MirrorPadOptions", mode=1)
one("transpose", "TRANSPOSE", [rand(1, 2, 3, 4), c([0, 2, 3, 1])], [1, 3, 4, 2])
one("depth to space", "DEPTH_TO_SPACE", [rand(1, 2, 3, 8)], [1, 4, 6, 2], "DepthToSpaceOptions", blockSize=2)
one("space to depth", "SPACE_TO_DEPTH", [rand(1, 4, 6, 2)], [1, 2, 3, 8], "SpaceToDepthOptions", blockSize=2)
one("space to batch", "SPACE_TO_BATCH_ND", [rand(1, 3, 4, 2), c([2, 3]), c([[0, 1], [1, 1]])], [6, 2, 2, 2])
one("batch to space", "BATCH_TO_SPACE_ND", [rand(6, 2, 2, 2), c([2, 3]), c([[0, 1], [1, 1]])], [1, 3, 4, 2])
one("pack", "PACK", [rand(2, 3), rand(2, 3)], [2, 2, 3], "PackOptions", valuesCount=2, axis=1)
one("unpack", "UNPACK", [rand(2, 3)], [([2], "float32")] * 3, "UnpackOptions", num=3, axis=1)
one("split", "SPLIT", [c(1), rand(2, 6)], [([2, 2], "float32")] * 3, "SplitOptions", numSplits=3)
one("split v", "SPLIT_V", [rand(2, 6), c([1, -1]), c(-1)], [([2, 1], "float32"), ([2, 5], "float32")], "SplitVOptions", numSplits=2)
one("tile", "TILE", [rand(2, 3), c([2, 1])], [4, 3])
one("broadcast to", "BROADCAST_TO", [rand(1, 3), c([2, 3])], [2, 3], version=2)
one("fill", "FILL", [c([2, 3]), rand()], [2, 3])
one("shape", "SHAPE", [rand(2, 3)], ([2], "int32"), "ShapeOptions", outType=TYPES["int32"])

# Indices.
one("slice", "SLICE", [rand(1, 4, 5, 3), c([0, 1, 2, 0]), c([1, 2, -1, 3])], [1, 2, 3, 3])
one("strided slice", "STRIDED_SLICE", [rand(4, 5, 3), c([1, 0, -1]), c([4, 0, 0]), c([2, 1, 1])], [2, 5], "StridedSliceOptions", endMask=2, shrinkAxisMask=4)
one("strided slice, new axis", "STRIDED_SLICE", [rand(4, 3), c([0, 0, 1]), c([0, 0, 3]), c([1, 1, 1])], [4, 1, 2], "StridedSliceOptions", ellipsisMask=1, newAxisMask=2)
one("strided slice back", "STRIDED_SLICE", [rand(4, 3), c([0, 0]), c([0, 0]), c([-1, 1])], [4, 3], "StridedSliceOptions", beginMask=3, endMask=3)
one("gather", "GATHER", [rand(4, 3), c([2, 0, 2])], [3, 3], "GatherOptions", axis=0)
one("gather nd", "GATHER_ND", [rand(4, 3), c([[2, 0], [1, 2]])], [2])
one("embedding lookup", "EMBEDDING_LOOKUP", [np.array([2, 0], np.int32), f(rand(4, 3))], [2, 3])
one("one hot", "ONE_HOT", [np.array([2, 0], np.int32), c(3), f(1.5), f(-0.5)], [2, 3], "OneHotOptions", axis=-1)
one("reverse", "REVERSE_V2", [rand(4, 3), c([1])], [4, 3])
one("range", "RANGE", [np.array(1, np.float32), np.array(6, np.float32), np.array(2, np.float32)], [3])
one("cast", "CAST", [np.array([1.7, -1.7], np.float32)], ([2], "int32"), "CastOptions", inDataType=TYPES["float32"], outDataType=TYPES["int32"])

# A dilated convolution, as it is often written.
net = Net()
x = net.input(rand(1, 8, 8, 3))
x = net.op("SPACE_TO_BATCH_ND", [x, net.const([2, 2], "int32"), net.const([[2, 2], [2, 2]], "int32")], [[4, 6, 6, 3]])
x = net.op("CONV_2D", [x, net.const(rand(4, 3, 3, 3)), net.const(rand(4))], [[4, 4, 4, 4]], "Conv2DOptions", padding=VALID, strideH=1, strideW=1)
emit("dilated", net, net.op("BATCH_TO_SPACE_ND", [x, net.const([2, 2], "int32"), net.const([[0, 0], [0, 0]], "int32")], [[1, 8, 8, 4]]))

# Weights in float16, and a network in which layouts meet.
net = Net()
x = net.input(rand(1, 6, 6, 3))
w = net.op("DEQUANTIZE", [net.const(rand(8, 3, 3, 3), "float16")], [[8, 3, 3, 3]])
y = net.op("CONV_2D", [x, w, net.const(rand(8))], [[1, 6, 6, 8]], "Conv2DOptions", padding=SAME, strideH=1, strideW=1)
a, b = net.op("SPLIT", [net.const(3, "int32"), y], [[1, 6, 6, 4]] * 2, "SplitOptions", numSplits=2)
z = net.op("CONCATENATION", [net.op("MUL", [b, net.const(rand(6, 4))], [[1, 6, 6, 4]], "MulOptions"), a], [[1, 6, 6, 8]], "ConcatenationOptions", axis=3)
z = net.op("PAD", [z, net.const([[0, 0], [0, 1], [1, 0], [0, 2]], "int32")], [[1, 7, 7, 10]])
m = net.op("MEAN", [z, net.const([1, 2], "int32")], [[1, 1, 1, 10]], "ReducerOptions", keepDims=True)
z = net.op("MUL", [z, net.op("LOGISTIC", [m], [[1, 1, 1, 10]])], [[1, 7, 7, 10]], "MulOptions")
z = net.op("STRIDED_SLICE", [z, net.const([0, 1, 0, 0], "int32"), net.const([1, 7, 7, 9], "int32"), net.const([1, 2, 1, 3], "int32")], [[1, 3, 7, 3]], "StridedSliceOptions")
s1 = net.op("SOFTMAX", [z], [[1, 3, 7, 3]], "SoftmaxOptions", beta=1.0)
emit("layouts", net, net.op("RESHAPE", [s1, net.const([1, -1], "int32")], [[1, 63]], "ReshapeOptions", newShape=[1, -1]), y, m)


def quantized(kind, zero):
    """Each op by itself: networks add up what each rounds."""
    low, high = {"int8": (-128, 128), "uint8": (0, 256), "int16": (-32768, 32768)}[kind]
    w_kind, w_zero, per_channel = ("uint8", 120, False) if kind == "uint8" else ("int8", 0, True)
    unit = 1 / 256 if kind == "int16" else 1  # finer steps, as there are more of them

    def start(shape, scale):
        net = Net()
        return net, net.input(rng.integers(low, high, shape), kind, (scale * unit, zero))

    def weight(net, *shape, axis, scale=None):
        n = shape[axis] if per_channel else 1
        scale = rng.uniform(0.01, 0.03, n) if scale is None else np.array([scale])
        data = rng.integers(w_zero - 120, w_zero + 121, shape)
        return net.const(data, w_kind, (scale, [w_zero] * len(scale), axis if len(scale) > 1 else 0)), scale

    def bias(net, n, x_scale, w_scale):
        long = kind == "int16"
        return net.const(rng.integers(-300, 300, n) * (256 if long else 1), "int64" if long else "int32", (x_scale * unit * w_scale, [0] * len(w_scale), 0))

    def out(shape, scale, z=zero):
        return [(shape, kind, (scale * unit, z))]

    net, x = start((1, 6, 6, 3), 0.05)
    w, ws = weight(net, 4, 3, 3, 3, axis=0)
    y = net.op("CONV_2D", [x, w, bias(net, 4, 0.05, ws)], out([1, 3, 3, 4], 0.2), "Conv2DOptions", padding=SAME, strideH=2, strideW=2,
               fusedActivationFunction=RELU, version=4 if kind == "int16" else 3)
    emit(f"{kind} conv", net, y)
    net, x = start((1, 6, 6, 4), 0.05)
    w, ws = weight(net, 1, 3, 3, 4, axis=3)
    y = net.op("DEPTHWISE_CONV_2D", [x, w, bias(net, 4, 0.05, ws)], out([1, 6, 6, 4], 0.2), "DepthwiseConv2DOptions", padding=SAME, strideH=1, strideW=1,
               depthMultiplier=1, version=5 if kind == "int16" else 3)
    emit(f"{kind} depthwise", net, y)
    net, x = start((1, 36), 0.05)
    w, ws = weight(net, 5, 36, axis=0, scale=0.004)
    y = net.op("FULLY_CONNECTED", [x, w, bias(net, 5, 0.05, ws)], out([1, 5], 0.1), "FullyConnectedOptions", version=7 if kind == "int16" else 4)
    emit(f"{kind} fully connected", net, y)
    net, x = start((1, 6, 6, 2), 0.05)
    y = net.op("AVERAGE_POOL_2D", [x], out([1, 3, 3, 2], 0.05), "Pool2DOptions", padding=VALID, strideH=2, strideW=2, filterHeight=2, filterWidth=2,
               version=3 if kind == "int16" else 2)
    emit(f"{kind} average pool", net, y)
    if kind == "int16":
        return
    net, x = start((1, 3, 3, 4), 0.05)
    y = net.op("ADD", [x, net.input(rng.integers(low, high, (1, 3, 3, 4)), kind, (0.08, zero + 3))], out([1, 3, 3, 4], 0.1), "AddOptions", version=2)
    emit(f"{kind} add", net, y)
    net, x = start((1, 3, 3, 4), 0.05)
    y = net.op("CONCATENATION", [x, x], out([1, 3, 3, 8], 0.05), "ConcatenationOptions", axis=3, version=2)
    emit(f"{kind} concatenation", net, y)
    net, x = start((2, 5), 0.05)
    y = net.op("SOFTMAX", [x], out([2, 5], 1 / 256, low), "SoftmaxOptions", beta=0.2, version=2)
    emit(f"{kind} softmax", net, y)


for kind, zero in (("int8", -5), ("uint8", 120), ("int16", 0)):
    quantized(kind, zero)

net = Net()
x = net.op("QUANTIZE", [net.input(rand(1, 4, 4, 2))], [([1, 4, 4, 2], "int8", (0.04, 3))])
x = net.op("CONV_2D", [x, net.const(rng.integers(-127, 128, (3, 1, 1, 2)), "int8", ([0.01, 0.02, 0.03], [0] * 3, 0)),
                       net.const([90, -40, 10], "int32", ([0.0004, 0.0008, 0.0012], [0] * 3, 0))],
           [([1, 4, 4, 3], "int8", (0.05, -4))], "Conv2DOptions", padding=VALID, strideH=1, strideW=1, version=3)
emit("float in and out of int8", net, net.op("DEQUANTIZE", [x], [[1, 4, 4, 3]], version=2))
