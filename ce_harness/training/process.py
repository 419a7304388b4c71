"""The process a run trains in: threads, determinism, precision, seeds, and the fingerprint of what decides its bits."""

from __future__ import annotations

import hashlib
import os

import keras
import numpy as np
import tensorflow as tf

from ce_harness.errors import ConfigError


def prepare(seed: int, threads: int, precision: str) -> None:
    """Puts the process in the state that a fresh one would have, so that a reused worker computes the same bits.

    Args:
        seed: of Python's, NumPy's and Keras's global generators; initial weights and dropout follow from it.
        threads: TensorFlow's intra- and inter-op threads. Fixed for good once TensorFlow has run something.
        precision: a Keras dtype policy, ``float32`` or ``mixed_bfloat16``.

    Raises:
        ConfigError: the process already runs on another number of threads.
    """
    keras.utils.clear_session()
    _set_threads(threads)
    tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)


def _set_threads(threads: int) -> None:
    settings = tf.config.threading
    now = settings.get_intra_op_parallelism_threads()
    if now == threads:
        return
    try:
        settings.set_intra_op_parallelism_threads(threads)
        settings.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise ConfigError(
            f"threads={threads}: this process already runs on {now or 'all'} threads, and TensorFlow can't change "
            "that; sweep threads in separate calls"
        ) from error


def fingerprint(threads: int) -> str:
    """What, beside config and code, decides the bits: versions, threads, determinism, oneDNN, CPU features."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    features = " ".join(simd["baseline"] + simd["found"])
    return " ".join(
        [
            f"tensorflow={tf.__version__}",
            f"keras={keras.__version__}",
            f"numpy={np.__version__}",
            f"threads={threads}",
            "determinism=on",
            f"onednn={os.environ.get('TF_ENABLE_ONEDNN_OPTS', 'default')}",
            f"cpu={hashlib.sha256(features.encode()).hexdigest()[:8]}",
        ]
    )
