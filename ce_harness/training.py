"""One run from config to test metrics. Read `train_and_evaluate` from top to bottom: that is the whole life of a run."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, open_dict
from rich.console import Console

from ce_harness import checkpoint, metrics, provenance, runtime, series
from ce_harness.callbacks import KeepJournal, PrintEpochs, StopOnDivergence, Validation, keep_record
from ce_harness.config import checked, option_name
from ce_harness.datasets import Dataset, Split
from ce_harness.datasets.pipeline import training_batches
from ce_harness.errors import ConfigError, DivergedError, HarnessError
from ce_harness.gradients import GradientMonitor
from ce_harness.journal import Journal
from ce_harness.run_directory import RunDirectory
from ce_harness.tracking import Feed

STEPS_PER_EXECUTION = 50  # training steps per call into TensorFlow
PREDICTION_BATCH = 1000


def train_and_evaluate(config: DictConfig, console: Console | None = None) -> dict[str, float]:
    """Trains one network on one dataset with one loss, tracks it, and scores it on the test set once.

    A run that is complete is not trained again; one that was interrupted continues, bit for bit.

    Args:
        config: composed from ``conf/``; see `ce_harness.config.Schema`.
        console: where epochs are printed; None prints nothing.

    Returns:
        The test metrics under their tracked names, ``test/accuracy`` and so on.

    Raises:
        ConfigError, DataError: the run can't start.
        LockedError: another process is at the same run.
        DivergedError: the loss stopped being finite. The run is marked so and is not tried again.
        TrackingError: the run is complete but the MLflow store can't be reached. Nothing is lost.
    """
    config = checked(config)
    run = RunDirectory.of(config)
    with run.claimed():
        feed = Feed(run, config.tracking_uri, config.mlflow_experiment)
        if run.outcome is None:
            journal = run.journal()
            with feed:
                _train(config, run, journal, feed, console)
        else:
            feed.finish()
    outcome = run.outcome
    if outcome["status"] == "diverged":
        raise DivergedError(outcome["message"])
    return outcome["metrics"]


def _train(config: DictConfig, run: RunDirectory, journal: Journal, feed: Feed, console: Console | None) -> None:
    runtime.prepare(config.seed, config.threads, "float32")
    dataset = _make(config, "dataset")
    network = _make(config, "model", input_shape=dataset.input_shape, num_classes=dataset.num_classes)
    loss = _make(config, "loss")
    optimizer = _make(config, "optimizer", learning_rate=config.learning_rate)

    steps_per_epoch = -(-len(dataset.train) // config.batch_size)
    model = GradientMonitor(network, steps_per_epoch)
    model.compile(
        optimizer,
        loss,
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        steps_per_execution=min(STEPS_PER_EXECUTION, steps_per_epoch),
        jit_compile=False,  # on CPU the compiled step was twice as slow
    )
    optimizer.build(network.trainable_variables)

    if not journal.records:
        journal.append(provenance.start_record(config, dataset, model.columns))
    restored = checkpoint.restore(run.checkpoints, network, optimizer)
    if restored:
        keep_record(journal, restored)
    feed.notify()

    epoch = tf.Variable(0, dtype=tf.int64)
    batches = training_batches(
        dataset.train,
        batch_size=config.batch_size,
        num_classes=dataset.num_classes,
        seed=config.seed,
        epoch=epoch,
        augmentation=dataset.augmentation,
    )
    predict = tf.function(
        partial(network, training=False),
        input_signature=[tf.TensorSpec([None, *dataset.input_shape], tf.float32)],
    )
    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda e, logs: epoch.assign(e)),
        Validation(lambda: _validation_metrics(predict, loss, dataset.validation)),
        StopOnDivergence(),
        KeepJournal(run, journal, after=feed.notify),
    ]
    if console:
        callbacks.append(PrintEpochs(console, config.epochs))
    try:
        model.fit(
            batches,
            shuffle=False,  # the batches are: each epoch anew
            epochs=config.epochs,
            initial_epoch=restored["epoch"] if restored else 0,
            callbacks=callbacks,
            verbose=0,
        )
    except DivergedError as error:
        series.write_artifacts(run, journal)
        run.end("diverged", message=str(error))
        raise
    scores, reliability = _test_metrics(predict, dataset)
    journal.append(journal.record("test", epoch=config.epochs, metrics=scores))
    series.write_artifacts(run, journal, reliability)
    run.end("complete", metrics=scores, weights=checkpoint.weights_hash(network))
    checkpoint.remove(run.checkpoints)


def _make(config: DictConfig, group: str, **given):
    """The one place where Hydra's ``instantiate`` is called: on the chosen option of a group, one level deep."""
    option = config[group].copy()
    with open_dict(option):
        option.pop("name", None)
    try:
        return instantiate(option, **given, _convert_="all", _recursive_=False)
    except InstantiationException as error:
        if isinstance(error.__cause__, HarnessError):
            raise error.__cause__ from None
        if isinstance(error.__cause__, TypeError | ValueError | ImportError | AttributeError) or not error.__cause__:
            reason = " ".join(str(error.__cause__ or error).split())
            raise ConfigError(f"{group}={option_name(config, group)}: {option['_target_']}: {reason}") from error
        raise


def _logits(predict: tf.types.experimental.GenericFunction, images: np.ndarray) -> np.ndarray:
    starts = range(0, len(images), PREDICTION_BATCH)
    return np.concatenate([predict(images[i : i + PREDICTION_BATCH]).numpy() for i in starts])


def _validation_metrics(predict, loss: keras.Loss, split: Split) -> dict[str, float]:
    logits = _logits(predict, split.images)
    scores = metrics.score(split.labels, logits)
    one_hot = tf.one_hot(split.labels, logits.shape[-1])
    return {"loss": float(loss(one_hot, logits)), **{name: scores[name] for name in ("accuracy", "nll", "brier")}}


def _test_metrics(predict, dataset: Dataset) -> tuple[dict[str, float], pd.DataFrame]:
    """The contract's ``test/*`` metrics, and the reliability diagrams before and after temperature scaling."""
    validation, test = dataset.validation, dataset.test
    temperature = metrics.fit_temperature(validation.labels, _logits(predict, validation.images))
    logits = _logits(predict, test.images)
    scores = metrics.score(test.labels, logits)
    calibrated = metrics.score(test.labels, logits / temperature)
    scores |= {f"{name}_calibrated": calibrated[name] for name in ("nll", "brier", "ece")}
    return (
        {f"test/{name}": value for name, value in scores.items()} | {"test/temperature": temperature},
        series.reliability_frame(test.labels, logits, temperature),
    )
