"""Rates beyond the edge of a grid."""

import pandas as pd

from benchmarks import edges


def grid(accuracies):
    rows = [
        {"loss": "mse", "seed": seed, "learning_rate": rate, "num_classes": 10, "val/accuracy": accuracy}
        for rate, accuracy in accuracies.items()
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows)


def test_the_rates_beyond_go_on_as_the_grid_does():
    tried = grid({0.01: 0.7, 0.03: 0.8, 0.1: 0.9})
    further = edges.beyond(tried, 0.1)
    assert further[["learning_rate", "seed"]].to_numpy().tolist() == [[0.3, 0], [0.3, 1], [1.0, 0], [1.0, 1]]
    assert edges.beyond(tried, 0.01)["learning_rate"].unique().tolist() == [0.003, 0.001]


def test_a_better_rate_beyond_is_told_and_so_is_none():
    tried = grid({0.01: 0.7, 0.03: 0.8, 0.1: 0.9})
    better = edges.compared(tried, grid({1.0: 0.95, 10.0: 0.1}), 0.1)
    assert [(line["learning rate"], line["failed"], line["chosen"]) for line in better] == [
        (0.1, 0, ""),
        (1.0, 0, "yes"),
        (10.0, 2, ""),
    ]
    none = edges.compared(tried, grid({1.0: 0.89, 10.0: float("nan")}), 0.1)
    assert [line["chosen"] for line in none] == ["yes", "", ""]
    assert none[0]["val/accuracy"] == 0.9
