"""Around a run: parts of the user's own, the disk, the store, another process; and reports that lack runs."""

import os
import resource
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

from hydra import compose, initialize_config_dir
from mlflow import MlflowClient

from ce_harness.config import checked
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.journal import Journal
from tests.bad_input.case import Case

TINY = "model=softmax_regression dataset.limit=64 batch_size=16 epochs=1 threads=1"
RUN = f"python run.py {TINY}"
OWN = "python run.py --config-dir=mine dataset.limit=64 batch_size=16 epochs=1 threads=1"
STUDY = {"study": "demo", "dataset": "digits", "model": "lenet5", "code_digest": "c", "dataset_digest": "d"}

held: list[AbstractContextManager] = []


def own_part(group: str, code: str) -> Callable[[], None]:
    def prepare() -> None:
        Path("mine", group).mkdir(parents=True)
        Path("mine", group, "mine.yaml").write_text("name: mine\n_target_: my_part.part\n")
        Path("mine/my_part.py").write_text(code)

    return prepare


def run_directory() -> RunDirectory:
    """The directory that the tiny run has."""
    conf = Path(__file__).parents[2] / "conf"
    with initialize_config_dir(str(conf), version_base="1.3"):
        return RunDirectory.of(checked(compose("config", TINY.split())))


def claimed_by_another() -> None:
    held.append(run_directory().claimed())
    held[-1].__enter__()


def directory_of_another_run() -> None:
    run = run_directory()
    run.path.mkdir(parents=True)
    run.journal().append(Journal.record("start", tags={"config_hash": "0" * 12, "code_digest": "f" * 12}))


def full_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def store() -> None:
    Path("runs").mkdir()
    shutil.copy(os.environ["MIGRATED_STORE"], "runs/mlflow.db")


def store_of_a_newer_mlflow() -> None:
    store()
    with closing(sqlite3.connect("runs/mlflow.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'newer'")
        connection.commit()


def tracked(*runs: dict[str, str]) -> Callable[[], None]:
    """Writes complete runs to the store, with these tags; what begins with ``param.`` becomes a param."""

    def prepare() -> None:
        store()
        client = MlflowClient("sqlite:///runs/mlflow.db")
        for run in runs:
            tags = {key: value for key, value in (STUDY | run).items() if not key.startswith("param.")}
            name = f"digits-lenet5-{run['loss']}-s{run['seed']}"
            made = client.create_run("0", tags={**tags, "status": "complete"}, run_name=name).info.run_id
            for key in run.keys() - tags.keys():
                client.log_param(made, key.removeprefix("param."), run[key])

    return prepare


CASES = [
    Case(
        "a network that returns probabilities",
        f"{OWN} model=mine",
        "its output comes out of a softmax",
        prepare=own_part(
            "model",
            """import keras

def part(input_shape, num_classes):
    head = keras.layers.Dense(num_classes, activation="softmax")
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), head])
""",
        ),
    ),
    Case(
        "a network with too few outputs",
        f"{OWN} model=mine",
        "has the shape (None, 2); it must be (None, 10)",
        prepare=own_part(
            "model",
            """import keras

def part(input_shape, num_classes):
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
""",
        ),
    ),
    Case(
        "a network that is no Keras model",
        f"{OWN} model=mine",
        "returns an object of type int; it must return a keras Model",
        prepare=own_part("model", "def part(input_shape, num_classes):\n    return 3\n"),
    ),
    Case(
        "a network that takes no input shape",
        f"{OWN} model=mine",
        "got an unexpected keyword argument",
        prepare=own_part("model", "def part(num_classes):\n    return 3\n"),
    ),
    Case(
        "a loss that is a sum",
        f"{OWN} loss=mine",
        "its reduction is sum; it must be the mean",
        prepare=own_part(
            "loss",
            """import keras

def part():
    return keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")
""",
        ),
    ),
    Case(
        "a data set that is none",
        f"{OWN.replace(' dataset.limit=64', '')} dataset=mine",
        "returns an object of type tuple; it must return a ce_harness Dataset",
        prepare=own_part("dataset", "def part():\n    return (1, 2)\n"),
    ),
    Case(
        "a learning rate that diverges",
        f"{RUN} learning_rate=1e38",
        "try a smaller learning_rate",
        4,
        store,
        keeps_run=True,
    ),
    Case(
        "a store that answers nothing",
        f"{RUN} tracking_uri=http://127.0.0.1:9",
        "the run is safe in ./runs/",
        5,
        keeps_run=True,
    ),
    Case(
        "a store that answers nothing, and a password",
        f"{RUN} tracking_uri=http://me:hunter2@127.0.0.1:9",
        "tracking_uri=http://***@127.0.0.1:9: the store does not take the points",
        5,
        keeps_run=True,
    ),
    Case(
        "a store of a newer MLflow",
        RUN,
        "the store does not take the points",
        5,
        store_of_a_newer_mlflow,
        keeps_run=True,
    ),
    Case("a run that another process is at", RUN, "is being written by process", 6, claimed_by_another, keeps_run=True),
    Case(
        "a run directory of another run",
        RUN,
        "it holds the run 000000000000-ffffffffffff; move it away",
        prepare=directory_of_another_run,
        keeps_run=True,
    ),
    Case("a folder for runs that can't be made", f"{RUN} runs_dir=/sys/runs", "can't be written", 7),
    Case("a file in place of the folder for runs", RUN, "Not a directory", 7, lambda: Path("runs").write_text("x")),
    Case("a full disk", RUN, "can't be written (File too large); make room", 7, full_disk),
    Case("a report of an unknown study", "python report.py demoo", "did you mean 'demo'?"),
    Case(
        "a report from a folder without rows",
        "python report.py demo --from .",
        "--from takes the folder of an earlier report",
    ),
    Case(
        "a report from rows of a study that measures",
        "python report.py tutorial --from .",
        "reads no runs: give no --from",
    ),
    Case("a report without a store", "python report.py demo", "there is no such store", 5),
    Case("a report without runs", "python report.py demo", "has no runs; train them first: ce-run -m", 8, store),
    Case(
        "a report of one seed",
        "python report.py demo",
        "has 2 runs (2 usable), but a comparison needs two losses",
        8,
        tracked({"loss": "softmax_ce", "seed": "0"}, {"loss": "mse", "seed": "0"}),
    ),
    Case(
        "a report of unequal seeds",
        "python report.py demo",
        "has 4 runs (4 usable), but a comparison needs two losses with two seeds in common",
        8,
        tracked(
            *({"loss": loss, "seed": seed} for loss, seeds in (("softmax_ce", "01"), ("mse", "12")) for seed in seeds)
        ),
    ),
    Case(
        "a report of other data",
        "python report.py demo",
        "has 2 runs (0 usable, 2 foreign)",
        8,
        tracked(
            {"loss": "softmax_ce", "seed": "0", "dataset": "mnist"}, {"loss": "mse", "seed": "1", "dataset": "mnist"}
        ),
    ),
    Case(
        "a report of runs that differ",
        "python report.py demo",
        "differ in epochs: 1 (",
        prepare=tracked(
            {"loss": "mse", "seed": "0", "param.epochs": "1"}, {"loss": "mse", "seed": "1", "param.epochs": "2"}
        ),
    ),
]
