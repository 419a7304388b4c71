"""Digits runs in JAX: a compiled step, called batch after batch, which was faster than a scan. No norms, no records.

python jax_runs.py DATA.npz EPOCHS BATCH_SIZE SEEDS [vmap]

With ``vmap`` all seeds of a loss are trained at once, in one compiled program.
"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

OPTIMIZER = optax.sgd(0.05, momentum=0.9)
KERNELS = {"conv1": (3, 3, 1, 6), "conv2": (3, 3, 6, 16), "dense1": (64, 120), "dense2": (120, 84), "logits": (84, 10)}


def initial(key):
    draw = jax.nn.initializers.glorot_uniform()
    keys = jax.random.split(key, len(KERNELS))
    return {
        name: (draw(key, shape), jnp.zeros(shape[-1])) for key, (name, shape) in zip(keys, KERNELS.items(), strict=True)
    }


def lenet5(weights, images):
    for name in ("conv1", "conv2"):
        kernel, bias = weights[name]
        images = jax.lax.conv_general_dilated(
            images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        images = jax.nn.relu(images + bias)
        images = jax.lax.reduce_window(images, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    values = images.reshape(len(images), -1)
    for name in ("dense1", "dense2"):
        kernel, bias = weights[name]
        values = jax.nn.relu(values @ kernel + bias)
    kernel, bias = weights["logits"]
    return values @ kernel + bias


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def squared_error(logits, labels):
    return jnp.square(jax.nn.softmax(logits) - jax.nn.one_hot(labels, 10)).sum(1).mean()


def step(loss, data, state, batch):
    weights, momentum = state
    gradient = jax.grad(lambda weights: loss(lenet5(weights, data["x"][batch]), data["y"][batch]))(weights)
    updates, momentum = OPTIMIZER.update(gradient, momentum)
    return optax.apply_updates(weights, updates), momentum


def accuracy(data, state):
    return (lenet5(state[0], data["x_val"]).argmax(1) == data["y_val"]).mean()


def order(count, key):
    return jax.random.permutation(key, count)


def begin(key):
    weights = initial(key)
    return weights, OPTIMIZER.init(weights)


def main(file, epochs, batch_size, seeds, mode=""):
    with np.load(file) as arrays:
        data = {name: jnp.asarray(array) for name, array in arrays.items()}
    count, size = len(data["x"]), int(batch_size)
    batched = jax.vmap if mode == "vmap" else lambda function: function
    keys, accuracies = jax.vmap(jax.random.key)(jnp.arange(int(seeds))), []
    begun, shuffled = jax.jit(batched(begin)), jax.jit(batched(partial(order, count)))
    scored = jax.jit(batched(partial(accuracy, data)))
    for loss in (cross_entropy, cross_entropy, squared_error):
        stepped = jax.jit(batched(partial(step, loss, data)))
        for key in [keys] if mode == "vmap" else keys:
            state = begun(key)
            for number in range(int(epochs)):
                examples = np.asarray(shuffled(batched(partial(jax.random.fold_in, data=number))(key)))
                for first in range(0, count - size + 1, size):
                    state = stepped(state, examples[..., first : first + size])
                reached = scored(state)
            accuracies += np.atleast_1d(reached).tolist()
    print("accuracies", *accuracies)


if __name__ == "__main__":
    main(*sys.argv[1:])
