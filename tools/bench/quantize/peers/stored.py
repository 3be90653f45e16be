# Rounding to the nearest per channel, stored only: int8 weight -> Cast -> Mul(scale), which wasm folds when the session is made.
import numpy
import onnx
from onnx import helper, numpy_helper

from .data import save

MIN_SIZE = 256


def round_weights(model, bits):
    """In all graphs, If branches too; initializers and Constant nodes."""
    for graph in graphs_of(model.graph):
        nodes = []
        for initializer in list(graph.initializer):
            if fits(initializer):
                nodes += unfold(graph, initializer, initializer.name, bits)
                graph.initializer.remove(initializer)
        for node in graph.node:
            value = next((a.t for a in node.attribute if a.name == "value"), None) if node.op_type == "Constant" else None
            nodes += unfold(graph, value, node.output[0], bits) if value is not None and fits(value) else [node]
        del graph.node[:]
        graph.node.extend(nodes)


def fits(tensor):
    large = len(tensor.dims) >= 2 and numpy.prod(tensor.dims) >= MIN_SIZE
    return tensor.data_type == onnx.TensorProto.FLOAT and large and len(scale_of(numpy_helper.to_array(tensor), 8).ravel()) > 1


def scale_of(weight, bits):
    """Channels: columns of a matrix, rows of a recurrent weight (one or two directions first), else the first axis."""
    recurrent = weight.ndim == 3 and len(weight) <= 2
    axes = (0,) if weight.ndim == 2 else (2,) if recurrent else tuple(range(1, weight.ndim))
    return numpy.maximum(numpy.abs(weight).max(axis=axes, keepdims=True), 1e-30) / (2 ** (bits - 1) - 1)


def unfold(graph, tensor, name, bits):
    weight = numpy_helper.to_array(tensor)
    scale = scale_of(weight, bits)
    integers = numpy.round(weight / scale).astype(numpy.int8)
    graph.initializer.append(numpy_helper.from_array(integers, name + "/int8"))
    graph.initializer.append(numpy_helper.from_array(scale.astype(numpy.float32), name + "/scale"))
    return [
        helper.make_node("Cast", [name + "/int8"], [name + "/cast"], name + "/Cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [name + "/cast", name + "/scale"], [name], name + "/Mul"),
    ]


def graphs_of(graph):
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from graphs_of(attribute.g)


def stored(bits):
    def make(source, calibration, target):
        model = onnx.load(source)
        round_weights(model, bits)
        save(model, target)

    return make


FORMS = {f"stored, {bits} bits per channel": stored(bits) for bits in (8, 6, 5, 4)}
