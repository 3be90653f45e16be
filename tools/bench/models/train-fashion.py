# Trains and writes fashion.onnx: `python train-fashion.py FOLDER`, FOLDER being /usr/share/datasets/fashion-mnist of Debian's package
# dataset-fashion-mnist. Needs `pip install jax==0.10.2 numpy==2.4.6 onnx==1.23.2`. The same machine trains the same network again.
import gzip
import os
import sys

import jax
import numpy
import onnx
from jax import lax
from jax import numpy as jnp
from onnx import helper, numpy_helper

CHANNELS = [1, 16, 32, 32, 64, 64]
# Pooling behind the convolutions of these numbers.
POOLED = {0, 2}
EPOCHS, BATCH, RATE, DECAY = 6, 128, 0.1, 5e-4
MOMENTUM, EPSILON = 0.9, 1e-5


def read(folder, part):
    with gzip.open(os.path.join(folder, f"{part}-images-idx3-ubyte.gz")) as file:
        images = numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz")) as file:
        return images, numpy.frombuffer(file.read(), numpy.uint8, offset=8).astype(numpy.int32)


def initial(random):
    layers = []
    for before, after in zip(CHANNELS, CHANNELS[1:]):
        kernel = random.normal(0, (2 / (9 * before)) ** 0.5, (after, before, 3, 3))
        layers.append({"kernel": kernel, "gain": numpy.ones(after), "shift": numpy.zeros(after)})
    head = {"weight": random.normal(0, 0.05, (CHANNELS[-1], 10)), "bias": numpy.zeros(10)}
    return jax.tree.map(lambda array: jnp.asarray(array, jnp.float32), {"layers": layers, "head": head})


def forward(parameters, x, statistics=None):
    """Logits, and each layer's mean and variance: those of the batch where none are given."""
    seen = []
    for index, layer in enumerate(parameters["layers"]):
        x = lax.conv_general_dilated(x, layer["kernel"], (1, 1), ((1, 1), (1, 1)))
        mean, variance = statistics[index] if statistics else (x.mean((0, 2, 3)), x.var((0, 2, 3)))
        seen.append((mean, variance))
        wide = lambda vector: vector[None, :, None, None]
        x = wide(layer["gain"]) * (x - wide(mean)) / jnp.sqrt(wide(variance) + EPSILON) + wide(layer["shift"])
        x = jnp.maximum(x, 0)
        if index in POOLED:
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return x.mean((2, 3)) @ parameters["head"]["weight"] + parameters["head"]["bias"], seen


def loss_of(parameters, x, labels):
    logits, seen = forward(parameters, x)
    return -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels].mean(), seen


@jax.jit
def step(parameters, velocity, statistics, x, labels, rate):
    gradient, seen = jax.grad(loss_of, has_aux=True)(parameters, x, labels)
    velocity = jax.tree.map(lambda v, g, p: MOMENTUM * v + g + DECAY * p, velocity, gradient, parameters)
    parameters = jax.tree.map(lambda p, v: p - rate * v, parameters, velocity)
    return parameters, velocity, jax.tree.map(lambda old, new: 0.98 * old + 0.02 * new, statistics, seen)


def train(images, labels):
    random = numpy.random.default_rng(1)
    parameters = initial(random)
    velocity = jax.tree.map(jnp.zeros_like, parameters)
    statistics = [(jnp.zeros(count), jnp.ones(count)) for count in CHANNELS[1:]]
    steps = EPOCHS * (len(images) // BATCH)
    done = 0
    for epoch in range(EPOCHS):
        order = random.permutation(len(images))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            some = order[at : at + BATCH]
            x = images[some].astype(numpy.float32) / 255
            if random.random() < 0.5:
                x = x[:, :, :, ::-1]
            rate = RATE * min(1, done / 200) * 0.5 * (1 + numpy.cos(numpy.pi * done / steps))
            parameters, velocity, statistics = step(parameters, velocity, statistics, x, labels[some], rate)
            done += 1
        print("epoch", epoch + 1, flush=True)
    return parameters, statistics


def to_onnx(parameters, statistics):
    nodes, constants = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(numpy.asarray(array, numpy.float32), name))
        return name

    value = "image"
    for index, layer in enumerate(parameters["layers"]):
        name = f"layer{index + 1}"
        mean, variance = statistics[index]
        kernel = constant(f"{name}.kernel", layer["kernel"])
        nodes.append(helper.make_node("Conv", [value, kernel], [f"{name}.conv"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        norm = {"gain": layer["gain"], "shift": layer["shift"], "mean": mean, "variance": variance}
        inputs = [f"{name}.conv"] + [constant(f"{name}.{key}", array) for key, array in norm.items()]
        nodes.append(helper.make_node("BatchNormalization", inputs, [f"{name}.norm"], epsilon=EPSILON))
        value = f"{name}.out"
        nodes.append(helper.make_node("Relu", [f"{name}.norm"], [value]))
        if index in POOLED:
            nodes.append(helper.make_node("MaxPool", [value], [f"{name}.pool"], kernel_shape=[2, 2], strides=[2, 2]))
            value = f"{name}.pool"
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["mean"]))
    nodes.append(helper.make_node("Flatten", ["mean"], ["features"]))
    head = [constant("head.weight", parameters["head"]["weight"]), constant("head.bias", parameters["head"]["bias"])]
    nodes.append(helper.make_node("Gemm", ["features", *head], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "fashion",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", 10])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="train-fashion.py")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    (folder,) = sys.argv[1:]
    parameters, statistics = train(*read(folder, "train"))
    images, labels = read(folder, "t10k")
    answers = [
        numpy.asarray(forward(parameters, images[at : at + 500].astype(numpy.float32) / 255, statistics)[0]).argmax(1)
        for at in range(0, len(images), 500)
    ]
    print("test accuracy", (numpy.concatenate(answers) == labels).mean())
    onnx.save(to_onnx(parameters, statistics), os.path.join(os.path.dirname(os.path.abspath(__file__)), "fashion.onnx"))


main()
