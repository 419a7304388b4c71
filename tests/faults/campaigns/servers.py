"""A real tracking server behind a proxy that misbehaves, or killed and started again; then one more call."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ce_harness.errors import TrackingError
from ce_harness.tracking.background_uploader import BackgroundUploader
from ce_harness.tracking.store import open_store
from tests.faults.campaign import Campaign, Outcome, folder_with_store, new_store
from tests.faults.children import at_once
from tests.faults.left_behind import differences
from tests.faults.proxy import Fault, Proxy
from tests.tracking.server import serve
from tests.tracking.test_store import ALL_POINTS, recorded

CALLS = (
    "experiments/get-by-name",
    "experiments/create",
    "runs/search",
    "runs/create",
    "runs/log-batch",
    "runs/log-inputs",
    "runs/get",
    "artifacts",
    "runs/set-tag",
    "runs/update",
    "metrics/get-history",
)
FAULTS = ("request lost", "answer lost", "500", "done, but 500", "half an answer", "empty 200", "a login page")
# MLflow remembers an empty address of artifacts for the life of a process; the same command in a new one is well.
NOT_IN_ONE_PROCESS = ("runs/get", "empty 200")
FOR_LONG = ("401", "429", "a login page", "500", "slow", "never answers")
SEEDS = 10
WHOLE = [("FINISHED", {"seed": "0"}, 1, ["epochs.csv", "steps.npz"], ALL_POINTS)]


class Times:
    """The fault, the first times that a request has this part in its path."""

    def __init__(self, part: str, fault: str, times: int = 1):
        self._part, self._fault, self._left = part, fault, times

    def __call__(self, path: str) -> Fault:
        if self._part not in path or not self._left:
            return None
        self._left -= 1
        return self._fault


def a_third_fails(seed: int) -> Callable[[str], Fault]:
    """A third of all requests go wrong."""
    rng = random.Random(seed)
    return lambda path: rng.choice(FAULTS[:5]) if rng.random() < 0.3 else None


def cases() -> dict[str, Callable[[str], Fault]]:
    """Each fault at each call, faults that stay, and random ones."""
    once = {f"{call}: {fault}": Times(call, fault) for call, fault in product(CALLS, FAULTS)}
    del once["{}: {}".format(*NOT_IN_ONE_PROCESS)]
    for_long = {f"always: {fault}": Times("", fault, 10**6) for fault in FOR_LONG}
    return once | for_long | {f"a third of all, seed {seed}": a_third_fails(seed) for seed in range(SEEDS)}


def tried(case: str, fault: Callable[[str], Fault], address: str) -> Outcome:
    """A run that is sent through the proxy, and once more through one that behaves if the first call said no.

    Args:
        address: of the server.
    """
    experiment = case.replace("/", " ")
    proxy = Proxy(urlsplit(address).port or 0, fault)
    folder = Path(tempfile.mkdtemp())
    try:
        run = recorded(folder)
        wrong = []
        if not sent(run, proxy.address, experiment):
            proxy.behave()
            if not sent(run, proxy.address, experiment):
                wrong.append("the next call said no, too")
        there = kept(address, experiment)
        points = sum(len(values) for one in there for values in one[-1].values())
        expected = sum(map(len, ALL_POINTS.values()))
        wrong += differences(WHOLE, there)
        return Outcome(case, tuple(wrong), max(0, expected - points), max(0, points - expected))
    finally:
        proxy.close()
        shutil.rmtree(folder)


def sent(run: Any, address: str, experiment: str) -> bool:
    """Whether the call said that all went well."""
    try:
        BackgroundUploader(run, address, experiment).finish()
    except TrackingError:
        return False
    return True


def kept(address: str, experiment: str) -> list[tuple[Any, ...]]:
    """Status, params, number of datasets, artifacts and points of each run of an experiment."""
    client = open_store(address)
    of_name = client.get_experiment_by_name(experiment)
    return [
        (
            run.info.status,
            run.data.params,
            len(run.inputs.dataset_inputs),
            [file.path for file in client.list_artifacts(run.info.run_id)],
            {
                key: sorted((p.step, p.value) for p in client.get_metric_history(run.info.run_id, key))
                for key in run.data.metrics
            },
        )
        for run in (client.search_runs([of_name.experiment_id]) if of_name else [])
    ]


def all_cases(every: int) -> Iterator[Outcome]:
    with folder_with_store(None) as folder:
        shutil.copy(new_store(), folder / "server.db")
        with serve(folder) as address:
            faults = cases()
            yield from at_once(lambda name: tried(name, faults[name], address), list(faults)[::every])


CAMPAIGNS = {"server": Campaign("a tracking server that drops, lies, refuses or answers by half", all_cases)}
