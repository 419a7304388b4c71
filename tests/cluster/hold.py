"""A Keras callback by which a test decides when an epoch of a real run ends, wherever that run is."""

import os
import time
from pathlib import Path

import keras


class Hold(keras.callbacks.Callback):
    """Epoch n ends once there is no file ``n`` in the folder that the variable HOLD names."""

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(2.1)  # a run saves every two seconds at most: so each of these epochs is saved
        held = Path(os.environ.get("HOLD", "/nowhere")) / str(epoch + 1)
        while held.exists():
            time.sleep(0.05)
