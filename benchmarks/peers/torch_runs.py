"""Digits runs in PyTorch, one after another, as a tutorial would have them: no norms, no records.

python torch_runs.py DATA.npz EPOCHS BATCH_SIZE SEEDS
"""

import sys

import numpy as np
import torch
from torch import nn


def lenet5() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(64, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def squared_error(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    one_hot = nn.functional.one_hot(labels, 10)
    return (logits.softmax(1) - one_hot).square().sum(1).mean()


def train(data: dict[str, torch.Tensor], loss, epochs: int, batch_size: int, seed: int) -> float:
    torch.manual_seed(seed)
    network = lenet5()
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    accuracy = 0.0
    for _ in range(epochs):
        for batch in torch.randperm(len(data["x"])).split(batch_size):
            optimizer.zero_grad()
            loss(network(data["x"][batch]), data["y"][batch]).backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = float((network(data["x_val"]).argmax(1) == data["y_val"]).float().mean())
    return accuracy


def main(file: str, epochs: str, batch_size: str, seeds: str) -> None:
    torch.set_num_threads(1)  # more would wait for one another in so small a network
    with np.load(file) as arrays:
        data = {name: torch.from_numpy(array) for name, array in arrays.items()}
    for name in ("x", "x_val"):
        data[name] = data[name].permute(0, 3, 1, 2).contiguous()
    losses = (nn.functional.cross_entropy, nn.functional.cross_entropy, squared_error)
    print(
        "accuracies",
        *(train(data, loss, int(epochs), int(batch_size), seed) for loss in losses for seed in range(int(seeds))),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
