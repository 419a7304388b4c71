"""One run from config to test metrics. `train_and_evaluate` and `_train`, read from top to bottom, are its life."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from omegaconf import DictConfig
from rich.console import Console

from ce_harness.config import checked, option_name, run_name
from ce_harness.config.sources import refuse_edited
from ce_harness.datasets.pipeline import TrainingBatches
from ce_harness.errors import ConfigError, DataError, DivergedError
from ce_harness.metrics import P_TRUE_EDGES
from ce_harness.progress import progress
from ce_harness.rundir import artifacts
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.journal import Journal
from ce_harness.rundir.more_epochs import begin_with_fewer_epochs
from ce_harness.rundir.start_record import start_record
from ce_harness.rundir.step_norms import StepNorms
from ce_harness.tracking.background_uploader import BackgroundUploader
from ce_harness.training import parts, process
from ce_harness.training.class_weights import class_weights
from ce_harness.training.divergence import StopOnDivergence
from ce_harness.training.early_stopping import StopEarly, best_metrics
from ce_harness.training.evaluation import Evaluator
from ce_harness.training.fingerprint import fingerprint
from ce_harness.training.gradient_monitor import GradientMonitor
from ce_harness.training.saving import SaveEpochs
from ce_harness.training.state import TrainingState, weights_hash
from ce_harness.training.validation import Validation, rhythm
from ce_harness.training.variables import parameter_counts, variables_table


def train_and_evaluate(config: DictConfig, console: Console | None = None, name: str = "") -> dict[str, float]:
    """Trains one network on one dataset with one loss, tracks it, and scores it on the test set once.

    A run that is complete is not trained again; one that was interrupted continues, bit for bit. One that is complete
    but did not keep what is asked for now, its network or its predictions, is trained again, to the same bits.

    Args:
        config: composed from ``conf/``; its keys are listed in `ce_harness.config.schema`.
        console: where progress is shown; None shows none.
        name: of the run in MLflow; by default ``DATASET-MODEL-LOSS-sSEED``.

    Returns:
        The test metrics under their tracked names, ``test/accuracy`` and so on.

    Raises:
        ConfigError, DataError: the run can't start.
        LockedError: another process is at the same run.
        DivergedError: the loss, of a step or on validation, stopped being finite. The run is marked so and is not
            tried again.
        TrackingError: the run is complete but the MLflow store can't be reached. Nothing is lost.
        DiskError: a file could not be read or written. The next call continues.
    """
    config = checked(config)
    run = RunDirectory.of(config)
    with run.claimed():
        uploader = BackgroundUploader(run, config.tracking_uri, config.mlflow_experiment)
        if run.has_ended_with(config):
            run.remove_leftovers()
            uploader.finish()
        else:
            with uploader:
                _train(config, run, uploader, console, name or run_name(config))
    outcome = run.outcome
    assert outcome  # the run has ended
    if outcome["status"] == "diverged":
        raise DivergedError(outcome["message"])
    return outcome["metrics"]


def _train(
    config: DictConfig, run: RunDirectory, uploader: BackgroundUploader, console: Console | None, name: str
) -> None:
    process.prepare(config.seed, config.threads, config.precision, config.device, config.deterministic)
    setup = _set_up(config, name)
    refuse_edited()  # everything is imported
    model, network = setup.model, setup.model.network

    journal = run.journal()
    _refuse_inexact_resume(config, journal)
    _refuse_other_data(setup.start_record, journal)
    run.reopen()
    if config.keep_checkpoint and not journal.records:
        told = begin_with_fewer_epochs(run, setup.start_record, config.learning_rate_schedule)
        if told and console:
            console.print(told, highlight=False, soft_wrap=True)
    journal.append(setup.start_record)

    stopping = config.early_stopping
    stop_early = StopEarly(stopping.metric, stopping.patience, keep_best=stopping.restore_best_weights)
    own_callbacks = parts.make_callbacks(config)
    state = TrainingState(run.checkpoints, network, model.optimizer, stop_early, own_callbacks)
    norms = StepNorms(run, model.columns)
    epochs_before = journal.of_kind("epoch")
    epochs_saved = norms.whole_epochs(epochs_before)
    epochs_done = state.restore(most_epochs=epochs_saved)
    del epochs_before[epochs_done:]
    stop_early.metrics = [epoch["metrics"] for epoch in epochs_before]
    last = epochs_before[-1] if epochs_before else None

    validation = Validation(setup.evaluator.validation, setup.evaluate_every)
    keep_in = run.kept if config.keep_checkpoint else None
    save = SaveEpochs(journal, norms, state, validation, epochs_saved, keep_in, after=uploader.notify)
    try:
        with progress(console, config.epochs, setup.batches.steps_per_epoch) as shown:
            model.fit(
                setup.batches.from_epoch(epochs_done),
                shuffle=False,  # the batches are, anew in each epoch
                epochs=epochs_done if last and last.get("stop") else config.epochs,
                initial_epoch=epochs_done,
                steps_per_epoch=setup.batches.steps_per_epoch,
                callbacks=[
                    validation,
                    *own_callbacks,
                    StopOnDivergence(norms.of(last)[-1] if last else None),
                    stop_early,
                    save,
                    *shown,
                ],
                verbose=0,
            )
    except DivergedError as error:
        save.save_records()
        artifacts.write_artifacts(run, journal, tables={})
        run.end("diverged", message=str(error))
        raise

    epochs = journal.of_kind("epoch")
    best = best_metrics(epochs, stopping.metric)
    scored_epoch = epochs[-1]["epoch"]
    if stop_early.best_weights is not None:
        scored_epoch = best["best/epoch"]
        for variable, value in zip(network.variables, stop_early.best_weights, strict=True):
            variable.assign(value)
    result = setup.evaluator.test()
    scores = {**result.scores, "test/epoch": scored_epoch, **best}
    journal.append(Journal.record("test", epoch=epochs[-1]["epoch"], metrics=scores))
    artifacts.write_artifacts(run, journal, {**result.tables, "variables": variables_table(network)})
    if config.save_predictions:
        artifacts.write_predictions(run, result.predictions)
    if config.save_model:
        # Not at the top: mlflow.pyfunc takes seconds that other runs need not pay.
        from ce_harness.tracking.models import save_model

        save_model(*setup.evaluator.classifier(scores["test/temperature"]), run.model)
    run.end("complete", metrics=scores, weights=weights_hash(network))


class _SetUp(NamedTuple):
    """All that a config stands for, ready to train; ``start_record`` is what opens the journal."""

    model: GradientMonitor
    batches: TrainingBatches
    evaluator: Evaluator
    evaluate_every: int | None  # steps
    start_record: dict[str, Any]


def _set_up(config: DictConfig, name: str) -> _SetUp:
    # A function of its own, so that the training arrays are freed once they are tensors.
    dataset = parts.make_dataset(config)
    batches = TrainingBatches(
        dataset.train,
        batch_size=config.batch_size,
        num_classes=dataset.num_classes,
        seed=config.seed,
        augmentation=dataset.augmentation,
        device=process.device_for(dataset.train),
    )
    network = parts.make_network(config, dataset)
    loss = parts.make_loss(config, dataset.num_classes)
    optimizer = parts.make_optimizer(config, steps_per_epoch=batches.steps_per_epoch)
    optimizer.build(network.trainable_variables)
    model = GradientMonitor(
        network,
        steps_per_epoch=batches.steps_per_epoch,
        class_weights=class_weights(config.class_weight, dataset.class_names, dataset.train.labels),
        batch_of=batches.batch_of,
    )
    steps_per_execution, evaluate_every = rhythm(batches.steps_per_epoch, config.evaluate_every)
    model.compile(
        optimizer,
        loss,
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        steps_per_execution=steps_per_execution,
        jit_compile=process.compiles(config.jit_compile),
    )
    evaluator = Evaluator(network, loss, dataset, parts.make_metrics(config))
    evaluator.refuse_probabilities(f"model={option_name(config, 'model')}")
    opening = start_record(
        config,
        name=name,
        tags={
            "dataset_digest": dataset.digest,
            "source_digest": dataset.source_digest,
            **{name: str(count) for name, count in parameter_counts(network).items()},
        },
        class_counts=dataset.class_counts,
        columns=model.columns,
        p_true_edges=P_TRUE_EDGES,
        fingerprint=fingerprint(config.threads, config.deterministic),
    )
    return _SetUp(model, batches, evaluator, evaluate_every, opening)


def _refuse_inexact_resume(config: DictConfig, journal: Journal) -> None:
    """The bits of a run come from one fingerprint, unless the user says otherwise."""
    started = journal.of_kind("start")
    now = fingerprint(config.threads, config.deterministic)
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
