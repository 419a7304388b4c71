"""A callback that tells when the first step is done, for ours and for the bare script."""

from __future__ import annotations

import time
from typing import Any

import keras


class FirstStep(keras.callbacks.Callback):  # type: ignore[misc]
    """Prints ``moment first step: SECONDS SINCE 1970`` once."""

    told = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self.told:
            print(f"moment first step: {time.time():.3f}", flush=True)
            self.told = True
