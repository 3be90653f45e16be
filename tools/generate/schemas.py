"""Prints the op schemas of onnx and of onnxruntime's com.microsoft, one JSON array a line; schemas.mjs runs it.

[domain, op, since, flags, inputs, outputs, attributes, constraints]
flags: 'd' deprecated, 'f' has a function body. Inputs and outputs: 'name:type' with a mark behind the name: '?' optional, '*N' variadic
with at least N, '~N' variadic of mixed types. Attributes: name ('!' behind it: required) to type, or to [type, default].
Constraints: type parameter to the index of its set of types. The first line is the list of the sets, as words parted by blanks.
"""

import json

import onnx
from onnx import AttributeProto, TensorProto

TENSORS = {
    'float': 'float32', 'double': 'float64', 'float8e4m3fn': 'float8e4m3fn', 'float8e4m3fnuz': 'float8e4m3fnuz',
    'float8e5m2': 'float8e5m2', 'float8e5m2fnuz': 'float8e5m2fnuz', 'float8e8m0': 'float8e8m0', 'float4e2m1': 'float4e2m1',
}
sets = []


def type_of(text):
    """'tensor(float)' to 'float32', 'seq(tensor(int64))' to 'seq(int64)'."""
    text = text.replace(' ', '')
    if text.startswith('tensor('):
        inner = text[7:-1]
        return TENSORS.get(inner, inner)
    for kind in ('seq', 'optional', 'sparse_tensor'):
        if text.startswith(kind + '('):
            return f'{kind}({type_of(text[len(kind) + 1:-1])})'
    if text.startswith('map('):
        key, value = text[4:-1].split(',', 1)
        return f'map({type_of(key)},{type_of(value)})'
    return TENSORS.get(text, text)


def set_index(types):
    words = ' '.join(sorted({type_of(t) for t in types}))
    if words not in sets:
        sets.append(words)
    return sets.index(words)


def option_of(parameter):
    return str(parameter.option).split('.')[-1].lower()


def parameters(items, low, high):
    """The list as text; checked against the arity that the schema states."""
    texts, minimum, maximum = [], 0, 0
    for item in items:
        option = option_of(item)
        mark = ''
        if option == 'optional':
            mark, maximum = '?', maximum + 1
        elif option == 'variadic':
            least = low - maximum
            mark = ('*' if item.is_homogeneous else '~') + str(least)
            minimum, maximum = low, high
        else:
            maximum += 1
            minimum = maximum
        texts.append(f'{item.name}{mark}:{type_of(item.type)}')
    assert (minimum, maximum) == (low, high), (texts, minimum, maximum, low, high)
    return ' '.join(texts)


def default_of(attribute_proto):
    kind = attribute_proto.type
    if kind == AttributeProto.FLOAT:
        return float(f'{attribute_proto.f:.9g}')
    if kind == AttributeProto.INT:
        return attribute_proto.i
    if kind == AttributeProto.STRING:
        return attribute_proto.s.decode()
    return None


def attribute_entries(items, proto_of):
    entries = {}
    for name in sorted(items):
        item = items[name]
        kind = str(item.type).split('.')[-1].lower()
        default = default_of(proto_of(item))
        entries[name + ('!' if item.required else '')] = kind if default is None else [kind, default]
    return entries


class Parameter:
    def __init__(self, item, homogeneous, type_text):
        self.name, self.option, self.is_homogeneous, self.type = item.name, item.option, homogeneous, type_text


def onnx_line(schema):
    flags = ('d' if schema.deprecated else '') + ('f' if schema.has_function or schema.has_context_dependent_function else '')
    homogeneous = lambda items: [Parameter(i, i.is_homogeneous, i.type_str) for i in items]
    constraints = {c.type_param_str: set_index(c.allowed_type_strs) for c in schema.type_constraints}
    return [
        schema.domain, schema.name, schema.since_version, flags,
        parameters(homogeneous(schema.inputs), schema.min_input, schema.max_input),
        parameters(homogeneous(schema.outputs), schema.min_output, schema.max_output),
        attribute_entries(schema.attributes, lambda a: a.default_value), constraints,
    ]


def contrib_line(schema):
    wrap = lambda items: [Parameter(i, i.isHomogeneous, i.typeStr) for i in items]

    def proto(attribute):
        parsed = AttributeProto()
        parsed.ParseFromString(attribute._default_value)
        return parsed

    constraints = {c.type_param_str: set_index(c.allowed_type_strs) for c in schema.type_constraints}
    flags = ('d' if schema.deprecated else '')
    return [
        schema.domain, schema.name, schema.since_version, flags,
        parameters(wrap(schema.inputs), schema.min_input, schema.max_input),
        parameters(wrap(schema.outputs), schema.min_output, schema.max_output),
        attribute_entries(schema.attributes, proto), constraints,
    ]


ONNX_DOMAINS = ('', 'ai.onnx.ml', 'ai.onnx.preview.training')


def main():
    lines = [onnx_line(s) for s in onnx.defs.get_all_schemas_with_history() if s.domain in ONNX_DOMAINS]
    from onnxruntime import __version__
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

    lines += [contrib_line(s) for s in get_all_operator_schema() if s.domain == 'com.microsoft']
    lines.sort(key=lambda line: ([*ONNX_DOMAINS, 'com.microsoft'].index(line[0]), line[1], line[2]))
    print(json.dumps({'onnx': onnx.__version__, 'onnxruntime': __version__, 'opset': onnx.defs.onnx_opset_version()}, separators=(',', ':')))
    print(json.dumps(sets, separators=(',', ':')))
    for line in lines:
        print(json.dumps(line, separators=(',', ':'), ensure_ascii=True))


main()
