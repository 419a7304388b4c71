"""What a network is made of, and what of it is trained."""

from __future__ import annotations

import math

import keras
import pandas as pd


def variables_table(network: keras.Model) -> pd.DataFrame:
    """A row per variable: its ``layer``, its name as in ``grad_norm/variable/...``, and whether it is ``trained``.

    What is not trained is frozen, or a statistic of the layer's own, such as those of batch normalisation.
    """
    trained = {id(variable) for variable in network.trainable_variables}
    return pd.DataFrame(
        {
            "layer": variable.path.rpartition("/")[0],
            "variable": variable.path,
            "shape": "x".join(map(str, variable.shape)),
            "parameters": math.prod(variable.shape),
            "trained": id(variable) in trained,
        }
        for variable in network.weights
    )


def parameter_counts(network: keras.Model) -> dict[str, int]:
    """``parameters`` in all, ``parameters_trained``, and ``layers_frozen``: layers of which no weight is trained."""
    table = variables_table(network)
    trained = table.groupby("layer")["trained"].any()
    return {
        "parameters": int(table["parameters"].sum()),
        "parameters_trained": int(table.loc[table["trained"], "parameters"].sum()),
        "layers_frozen": int((~trained).sum()),
    }
