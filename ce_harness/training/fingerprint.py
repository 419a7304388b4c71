"""What decides a run's bits and is neither its config nor its code: versions, threads, processor, device, switches."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

# Environment variables by which TensorFlow, XLA, oneDNN, CUDA and NumPy choose other kernels, or run them differently.
# Not all that begin with TF_: so do Terraform's, and some of them are secrets.
SWITCHES = (
    "CUBLAS_",
    "CUDNN_",
    "DNNL_",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_",
    "OPENBLAS_CORETYPE",
    "TF_AUTOTUNE_",
    "TF_AUTO_MIXED_PRECISION_",
    "TF_CONV2D_",
    "TF_CPU_",
    "TF_CUBLAS",
    "TF_CUDNN",
    "TF_DATA_EXPERIMENT_",
    "TF_DETERMINISTIC_",
    "TF_DISABLE_",
    "TF_ENABLE_",
    "TF_FP16_",
    "TF_GPU_",
    "TF_JITRT_",
    "TF_MATMUL_",
    "TF_MKL_",
    "TF_ONEDNN_",
    "TF_SET_ONEDNN_",
    "TF_USE_",
    "TF_XLA_",
    "XLA_",
)
WITHOUT_EFFECT = ("DNNL_VERBOSE", "ONEDNN_VERBOSE", "TF_GPU_ALLOCATOR", "TF_GPU_THREAD_COUNT", "TF_USE_LEGACY_KERAS")
NAMED_ALREADY = ("TF_ENABLE_ONEDNN_OPTS",)


def fingerprint(threads: int, deterministic: bool = True) -> str:
    """The fingerprint of this process, as words ``name=value``.

    What is at its default adds no word: a variable that isn't set, a GPU that isn't there.

    Args:
        threads: that TensorFlow runs on.
        deterministic: whether operations without a deterministic kernel are refused.
    """
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    features = " ".join(simd["baseline"] + simd["found"])
    return " ".join(
        [
            f"tensorflow={tf.__version__}",
            f"keras={keras.__version__}",
            f"numpy={np.__version__}",
            f"threads={threads}",
            f"determinism={'on' if deterministic else 'off'}",
            f"onednn={os.environ.get('TF_ENABLE_ONEDNN_OPTS', 'default')}",
            f"cpu={hashlib.sha256(features.encode()).hexdigest()[:8]}",
            *_switches(),
            *_gpu(),
        ]
    )


def _switches() -> Iterator[str]:
    for name in sorted(os.environ):
        if name.startswith(SWITCHES) and name not in WITHOUT_EFFECT + NAMED_ALREADY:
            yield f"{name}={'_'.join(os.environ[name].split())}"


def _gpu() -> Iterator[str]:
    """The device that is used; its driver, CUDA and cuDNN. Written for GPUs, not yet run on one."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return
    device = tf.config.experimental.get_device_details(gpus[0])
    build = tf.sysconfig.get_build_info()
    yield f"gpu={'_'.join(str(device.get('device_name', 'unknown')).split())}"
    yield f"compute_capability={'.'.join(map(str, device.get('compute_capability', ())))}"
    yield f"driver={_driver()}"
    yield f"cuda={build.get('cuda_version', 'none')}"
    yield f"cudnn={build.get('cudnn_version', 'none')}"
    yield f"tf32={'on' if tf.config.experimental.tensor_float_32_execution_enabled() else 'off'}"


def _driver() -> str:
    """Digest of what NVIDIA's kernel module says of itself."""
    try:
        said = Path("/proc/driver/nvidia/version").read_bytes()
    except OSError:
        return "unknown"
    return hashlib.sha256(said).hexdigest()[:8]
