"""One run from config to test metrics. `train_and_evaluate` and `_train`, read from top to bottom, are its life."""

from __future__ import annotations

from typing import Any, NamedTuple

from omegaconf import DictConfig
from rich.console import Console

from ce_harness.config import checked
from ce_harness.config.sources import refuse_edited
from ce_harness.datasets.pipeline import TrainingBatches
from ce_harness.errors import ConfigError, DataError, DivergedError
from ce_harness.rundir import artifacts, checkpoint
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.journal import Journal
from ce_harness.tracking.background_uploader import BackgroundUploader
from ce_harness.training import best_epoch, parts, process
from ce_harness.training.callbacks import KeepJournal, StopEarly, StopOnDivergence, progress
from ce_harness.training.evaluation import Evaluator
from ce_harness.training.gradient_monitor import GradientMonitor
from ce_harness.training.start_record import start_record
from ce_harness.training.validation import Validation, rhythm


def train_and_evaluate(config: DictConfig, console: Console | None = None) -> dict[str, float]:
    """Trains one network on one dataset with one loss, tracks it, and scores it on the test set once.

    A run that is complete is not trained again; one that was interrupted continues, bit for bit.

    Args:
        config: composed from ``conf/``; see `ce_harness.config.schema`.
        console: where progress is shown; None shows none.

    Returns:
        The test metrics under their tracked names, ``test/accuracy`` and so on.

    Raises:
        ConfigError, DataError: the run can't start.
        LockedError: another process is at the same run.
        DivergedError: the loss, of a step or on validation, stopped being finite. The run is marked so and is not
            tried again.
        TrackingError: the run is complete but the MLflow store can't be reached. Nothing is lost.
        DiskError: a file could not be written. The next call continues.
    """
    config = checked(config)
    run = RunDirectory.of(config)
    with run.claimed():
        feed = BackgroundUploader(run, config.tracking_uri, config.mlflow_experiment)
        if run.outcome is None:
            with feed:
                _train(config, run, feed, console)
        else:
            run.remove_checkpoints()
            feed.finish()
    outcome = run.outcome
    if outcome["status"] == "diverged":
        raise DivergedError(outcome["message"])
    return outcome["metrics"]


def _train(config: DictConfig, run: RunDirectory, feed: BackgroundUploader, console: Console | None) -> None:
    process.prepare(config.seed, config.threads, config.precision)
    setup = _set_up(config)
    refuse_edited()  # everything is imported
    model = setup.model

    journal = run.journal()
    _refuse_inexact_resume(config, journal)
    _refuse_other_data(setup.start_record, journal)
    journal.append(setup.start_record)
    last_record = checkpoint.restore(run.checkpoints, model.network, model.optimizer) or {}
    if last_record:
        journal.append(last_record)

    validation = Validation(setup.evaluator.validation, setup.evaluate_every)
    callbacks = [
        validation,
        *parts.make_callbacks(config),
        StopOnDivergence(run),
        StopEarly(journal, config.early_stopping.metric, config.early_stopping.patience),
        KeepJournal(run, journal, validation, after=feed.notify),
    ]
    epochs_done = last_record.get("epoch", 0)
    try:
        with progress(console, config.epochs, setup.batches.steps_per_epoch) as shown:
            model.fit(
                setup.batches.from_epoch(epochs_done),
                shuffle=False,  # the batches are, anew in each epoch
                epochs=epochs_done if last_record.get("stop") else config.epochs,
                initial_epoch=epochs_done,
                steps_per_epoch=setup.batches.steps_per_epoch,
                callbacks=[*callbacks, *shown],
                verbose=0,
            )
    except DivergedError as error:
        artifacts.write_artifacts(run, journal, tables={})
        run.end("diverged", message=str(error))
        raise

    scores, tables, predictions = setup.evaluator.test()
    scores |= best_epoch.metrics(journal, config.early_stopping.metric)
    journal.append(Journal.record("test", epoch=journal.of_kind("epoch")[-1]["epoch"], metrics=scores))
    artifacts.write_artifacts(run, journal, tables)
    if config.save_predictions:
        artifacts.write_arrays(run, "predictions", predictions)
    if config.save_model:
        # Not at the top: mlflow.keras takes seconds that other runs need not pay.
        from ce_harness.tracking.models import save_model

        save_model(model.network, setup.input_shape, run.artifacts / "model")
    run.end("complete", metrics=scores, weights=checkpoint.weights_hash(model.network))


class _SetUp(NamedTuple):
    """All that a config stands for, ready to train; ``start_record`` is what opens the journal."""

    model: GradientMonitor
    batches: TrainingBatches
    evaluator: Evaluator
    evaluate_every: int | None  # steps
    input_shape: tuple[int, ...]
    start_record: dict[str, Any]


def _set_up(config: DictConfig) -> _SetUp:
    # A function of its own, so that the training arrays are freed once they are tensors.
    dataset = parts.make_dataset(config)
    batches = TrainingBatches(
        dataset.train,
        batch_size=config.batch_size,
        num_classes=dataset.num_classes,
        seed=config.seed,
        augmentation=dataset.augmentation,
    )
    network = parts.make_network(config, dataset)
    loss = parts.make_loss(config)
    optimizer = parts.make_optimizer(config, steps_per_epoch=batches.steps_per_epoch)
    optimizer.build(network.trainable_variables)
    model = GradientMonitor(network, steps_per_epoch=batches.steps_per_epoch)
    steps_per_execution, evaluate_every = rhythm(batches.steps_per_epoch, config.evaluate_every)
    model.compile(
        optimizer,
        loss,
        steps_per_execution=steps_per_execution,
        jit_compile=False,  # on CPU the compiled step was twice as slow
    )
    evaluator = Evaluator(network, loss, dataset)
    opening = start_record(config, dataset, model.columns)
    return _SetUp(model, batches, evaluator, evaluate_every, dataset.input_shape, opening)


def _refuse_inexact_resume(config: DictConfig, journal: Journal) -> None:
    """The bits of a run come from one fingerprint, unless the user says otherwise."""
    started = journal.of_kind("start")
    now = process.fingerprint(config.threads)
    if not started or started[0]["tags"]["fingerprint"] == now:
        return
    if not config.allow_inexact_resume:
        then = started[0]["tags"]["fingerprint"]
        raise ConfigError(
            f"fingerprint {now}: the run began under {then}; its bits would not be those of either; "
            f"delete {journal.path.parent} to start again, or set allow_inexact_resume=true"
        )
    journal.append(Journal.record("inexact_resume", epoch=len(journal.of_kind("epoch")), fingerprint=now))


def _refuse_other_data(start_record: dict[str, Any], journal: Journal) -> None:
    """A data set of the user's own may have changed where the config can't tell."""
    now = start_record["tags"]["dataset_digest"]
    for started in journal.of_kind("start"):
        then = started["tags"]["dataset_digest"]
        if then != now:
            raise DataError(
                f"{start_record['dataset']['name']}: the arrays (SHA-256 {now}) are not those the run began with "
                f"({then}); delete {journal.path.parent} to start again"
            )
