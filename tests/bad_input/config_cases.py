"""Slips on the command line and in configs. All are answered before TensorFlow or MLflow is imported."""

from collections.abc import Callable
from pathlib import Path

from tests.bad_input.case import Case, nothing


def callback_without_target() -> None:
    Path("mine/experiment").mkdir(parents=True)
    Path("mine/experiment/mine.yaml").write_text("# @package _global_\ncallbacks: {stop: {patience: 3}}\n")


def part_with_hydras_words() -> None:
    Path("mine/model").mkdir(parents=True)
    Path("mine/model/mine.yaml").write_text("_target_: ce_harness.models.mlp\n_partial_: true\n")


def part_with_a_slip() -> None:
    Path("mine/loss").mkdir(parents=True)
    Path("mine/loss/mine.yaml").write_text("_target_: my_loss.Mine\n")
    Path("mine/my_loss.py").write_text("import keras\n\nclass Mine(keras.losses.Loss)\n    pass\n")


def run(what: str, arguments: str, says: str, exit_code: int = 2, prepare: Callable[[], None] = nothing) -> Case:
    return Case(what, f"python run.py {arguments}", says, exit_code, prepare)


CASES = [
    run("an unknown group", "optimiser=sgd", "optimiser: there is no such key (did you mean optimizer?)"),
    run("an unknown option", "loss=msee", "there is no such option (did you mean mse?); allowed: builtin_ce"),
    run("an unknown option in a sweep", "-m model=lenet6,mlp", "model=lenet6: there is no such option"),
    run("an unknown key", "learning_rat=0.1", "there is no such key (did you mean learning_rate?)"),
    run("a key like no other", "foo=1", "foo: there is no such key; the keys are allow_inexact_resume, "),
    run("an unknown key of a part", "optimizer.momentun=0.5", "(did you mean momentum?); the keys are"),
    run("a key of another option", "model.dropout=0.5", "model.dropout: there is no such key"),
    run("a key added", "+foo=1", "+foo=1: keys can't be added; write foo=1"),
    run("a key added by force", "++seeds=1", "seeds=1: there is no such key; the keys are"),
    run("a key removed", "~seed", "~seed: keys can't be removed; set another value: seed=VALUE"),
    run("a list for a group", "loss=[mse,focal]", "to compare them: ce-run -m loss=mse,focal"),
    run("no option of a group", "model=null", "model=null: allowed is an option of the group"),
    run("a sweep without -m", "seed=0,1", "to try them all: ce-run -m seed=0,1"),
    run("-m behind a key", "loss=mse -m seed=0,1", "write flags such as -m before the first key=value"),
    run("a word without a value", "seed", "seed: not of the form key=value"),
    run("a value without a key", "=3", "=3: not of the form key=value"),
    run("an unknown flag", "--gpu", "--gpu: there is no such flag"),
    run("a config folder that is not there", "--config-dir=mine", "config directory"),
    run("a negative learning rate", "learning_rate=-1", "allowed is a finite number above 0"),
    run("learning rate zero", "learning_rate=0", "allowed is a finite number above 0"),
    run("learning rate nan", "learning_rate=nan", "learning_rate=nan: allowed is a finite number above 0"),
    run("learning rate inf", "learning_rate=inf", "learning_rate=inf: allowed is a finite number above 0"),
    run("learning rate abc", "learning_rate=abc", "learning_rate=abc: allowed is a finite number above 0"),
    run("no learning rate", "learning_rate=null", "learning_rate=null: allowed is a finite number"),
    run("batch size zero", "batch_size=0", "batch_size=0: allowed is a whole number of at least 1"),
    run("a negative batch size", "batch_size=-1", "for example batch_size=64"),
    run("half a batch size", "batch_size=1.5", "batch_size=1.5: allowed is a whole number"),
    run("no epochs", "epochs=0", "epochs=0: allowed is a whole number of at least 1"),
    run("no epochs in one cell of a sweep", "-m epochs=0,1", "epochs=0: allowed is a whole number"),
    run("a sweep over no option", "-m 'loss=glob(zzz*)'", "loss=glob(zzz*): it stands for no value at all"),
    run("a sweep over no number", "-m 'seed=range(3,3)'", "seed=range(3,3): it stands for no value at all"),
    run("a sweep of zero at a time", "-m hydra.launcher.n_jobs=0", "allowed is a number of cells to run at a time"),
    run("a sweep of some at a time", "-m hydra.launcher.n_jobs=some", "n_jobs=some: allowed is a number of cells"),
    run("a folder for a sweep that can't be made", "-m hydra.sweep.dir=/sys/x", "/sys/x: can't be written", 7),
    run("a negative seed", "seed=-1", "seed=-1: allowed is a whole number from 0 to 4294967295"),
    run("a seed beyond 32 bits", "seed=4294967296", "allowed is a whole number from 0 to 4294967295"),
    run("a warm-up that never ends", "epochs=3 warmup_epochs=3", "allowed is less than epochs=3"),
    run("an unknown precision", "precision=float16", "allowed is one of float32, mixed_bfloat16"),
    run("zero threads", "threads=0", "allowed is a whole number from 1 to 1024, or auto"),
    run("a switch that is no switch", "save_model=maybe", "save_model=maybe: allowed is true or false"),
    run("a number for a switch", "optimizer.nesterov=2", "allowed is true or false"),
    run("an unknown metric to stop on", "early_stopping.metric=test/accuracy", "one of val/loss, val/acc"),
    run("a fraction of zero", "dataset.val_fraction=0", "a finite number above 0 and below 1"),
    run(
        "fractions that leave nothing to train on",
        "dataset.val_fraction=0.6 dataset.test_fraction=0.4",
        "together they leave nothing to train on",
    ),
    run(
        "a scale of the logit loss that is not positive",
        "loss=mse_logits loss.true_class_weight=0",
        "loss.true_class_weight=0: allowed is a finite number above 0",
    ),
    run(
        "cross-entropy of what is no probability",
        "loss=builtin_ce loss.from_logits=false",
        "allowed is true, since every network returns logits",
    ),
    run("a layer without units", "model=mlp model.hidden_units=[0]", "a list of whole numbers of at least"),
    run("own arrays without a path", "dataset=npz", "dataset.path: it has no value yet"),
    run(
        "own arrays that are not there",
        "dataset=npz dataset.path=mine.npz",
        "mine.npz can't be read (No such file or directory)",
        exit_code=3,
    ),
    run("a _target_ that is not there", "loss._target_=my_loss.Mine", "my_loss: there is no such Python"),
    run("a class that is not there", "loss._target_=keras.losses.Nope", "keras.losses has no Nope; name a class"),
    run("a network that is not there", "model._target_=ce_harness.models.resnet50", "models.resnet20?"),
    run(
        "a module with a slip",
        "--config-dir=mine loss=mine",
        "mine/my_loss.py, line 3: expected ':'; mend the module",
        prepare=part_with_a_slip,
    ),
    run("a _target_ that runs a shell", "loss._target_=os.system", "os.system: allowed is a class or"),
    run("a _target_ that loads pickles", "dataset._target_=numpy.load", "numpy.load: allowed is a class"),
    run(
        "a callback without a _target_",
        "--config-dir=mine experiment=mine",
        "callbacks.stop={'patience': 3}: it has no _target_",
        prepare=callback_without_target,
    ),
    run(
        "Hydra's words in a part",
        "--config-dir=mine model=mine",
        "model._partial_: it is a word of Hydra's",
        prepare=part_with_hydras_words,
    ),
    run(
        "a learning rate of the optimizer's own",
        "+optimizer.learning_rate=1",
        "optimizer.learning_rate: the run gives it; leave it out and set learning_rate=VALUE",
    ),
    run(
        "clipping of the optimizer's own",
        "+optimizer.global_clipnorm=1 clip_norm=2",
        "optimizer.global_clipnorm: the run gives it; leave it out and set clip_norm=VALUE",
    ),
    run(
        "a learning rate of the schedule's own",
        "'learning_rate_schedule={_target_: keras.optimizers.schedules.ExponentialDecay, initial_learning_rate: 1, "
        "decay_steps: 200, decay_rate: 0.9}'",
        "learning_rate_schedule.initial_learning_rate: the run gives it; leave it out and set learning_rate=VALUE",
    ),
    run(
        "a network told the number of classes",
        "+model.num_classes=5",
        "model.num_classes: the run gives it; leave it out and set dataset=VALUE",
    ),
    run("a tracking URI of no store", "tracking_uri=./mlruns", "allowed is sqlite:///FILE, http://HOST"),
    run(
        "a tracking URI from a variable that is not set",
        "'tracking_uri=${oc.env:NO_SUCH_VARIABLE}'",
        "Environment variable 'NO_SUCH_VARIABLE' not found",
    ),
    run(
        "a password in a wrong tracking URI",
        "tracking_uri=ftp://me:hunter2@host/x",
        "tracking_uri=ftp://***@host/x: allowed is",
    ),
    run("an experiment outside the store", "mlflow_experiment=../../x", "allowed is a name of letters"),
]
