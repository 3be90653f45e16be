"""Prints the types and shapes of ONNX's own backend test cases of single nodes, one JSON object a line; node-cases.mjs runs it.

{"n": name, "v": opset, "i": {input: value}, "o": {output: value}, "g": nodes}
value: [type, dims] or [type, dims, elements] where it is small and may decide a shape; dims null where the rank is not declared;
["seq", value] and ["optional", value]. nodes: [op, domain, inputs, outputs, attributes]; attributes: name to [type, value].
Shapes of outputs are those of the expected arrays.
"""

import json
import sys

import numpy as np
import onnx
from onnx import AttributeProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

NAMES = {'float': 'float32', 'double': 'float64'}
SMALL = 8


def type_name(number):
    name = onnx.TensorProto.DataType.Name(number).lower()
    return NAMES.get(name, name)


def numbers(array):
    flat = array.flatten().tolist()
    if array.dtype == object or array.dtype.kind in 'SUc':
        return None
    values = [int(v) if isinstance(v, bool) else v for v in flat]
    return values if all(isinstance(v, (int, float)) and np.isfinite(v) and abs(v) < 2**53 for v in values) else None


def declared(type_proto):
    kind = type_proto.WhichOneof('value')
    if kind == 'sequence_type':
        return ['seq', declared(type_proto.sequence_type.elem_type)]
    if kind == 'optional_type':
        return ['optional', declared(type_proto.optional_type.elem_type)]
    tensor = type_proto.tensor_type
    dims = [d.dim_value if d.WhichOneof('value') == 'dim_value' else d.dim_param or '?' for d in tensor.shape.dim]
    return [type_name(tensor.elem_type), dims if tensor.HasField('shape') else None]


def valued(info, data, with_values):
    """The declared type with the shape that the data have."""
    value = declared(info.type)
    if value[0] in ('seq', 'optional') or data is None or not hasattr(data, 'shape') and not isinstance(data, onnx.TensorProto):
        return value
    if isinstance(data, onnx.TensorProto):
        value[1] = list(data.dims)
        return value
    array = np.asarray(data)
    value[1] = list(array.shape)
    if with_values and array.ndim <= 1 and array.size <= SMALL and value[0] in ('int64', 'int32', 'float32', 'float16', 'float64', 'bool'):
        elements = numbers(array)
        if elements is not None:
            value.append(elements)
    return value


def attribute(a):
    kind = AttributeProto.AttributeType.Name(a.type).lower()
    if kind == 'tensor':
        array = numpy_helper.to_array(a.t)
        if array.size > SMALL or numbers(array) is None:
            return ['tensor', [type_name(a.t.data_type), list(a.t.dims)]]
        return ['tensor', [type_name(a.t.data_type), list(a.t.dims), numbers(array)]]
    if kind == 'graph':
        graph = a.g
        return ['graph', {
            'i': [[v.name, declared(v.type)] for v in graph.input],
            'o': [v.name for v in graph.output],
            'c': [[t.name, attribute(helper.make_attribute('t', t))[1]] for t in graph.initializer],
            'g': [node(n) for n in graph.node],
        }]
    value = helper.get_attribute_value(a)
    if kind == 'string':
        value = value.decode('utf8', 'replace')
    elif kind in ('ints', 'floats'):
        value = list(value)
    elif kind == 'strings':
        value = [v.decode('utf8', 'replace') for v in value]
    elif kind not in ('int', 'float'):
        return ['opaque', None]
    return [kind, value]


def node(n):
    return [n.op_type, n.domain, list(n.input), list(n.output), {a.name: attribute(a) for a in n.attribute}]


def main():
    for case in collect_testcases(None):
        graph = case.model.graph
        domains = {o.domain for o in case.model.opset_import}
        if '_expanded' in case.name or not domains <= {'', 'ai.onnx'} or case.model.functions or len(graph.node) != 1:
            continue
        inputs, outputs = case.data_sets[0]
        opset = max(o.version for o in case.model.opset_import)
        as_list = lambda data, count: list(data.values()) if isinstance(data, dict) else list(data) + [None] * (count - len(data))
        print(json.dumps({
            'n': case.name.removeprefix('test_'),
            'v': opset,
            'i': {v.name: valued(v, d, True) for v, d in zip(graph.input, as_list(inputs, len(graph.input)))},
            'o': {v.name: valued(v, d, False) for v, d in zip(graph.output, as_list(outputs, len(graph.output)))},
            'g': [node(n) for n in graph.node],
        }, separators=(',', ':')))


main()
