"""A comparison in a real Jupyter kernel: own arrays, an own loss from a module beside the notebook, and again."""

import json

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.slow

OWN_LOSS = """
import keras
from keras import ops


class Tempered(keras.losses.Loss):
    def __init__(self, t=2.0, name="tempered"):
        super().__init__(name=name)
        self.t = t

    def call(self, labels, logits):
        return -ops.sum(labels * ops.log_softmax(logits / self.t), axis=-1)
"""
CELLS = (
    """
    import numpy as np
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 40)
    x = rng.normal(y[:, None, None], 0.1, (120, 4, 4)).astype("float32")
    arrays = dict(x=x, y=y, class_names=["dark", "grey", "light"], dataset="squares")
    small = dict(**arrays, model="softmax_regression", epochs=1, threads=1, batch_size=32)
    """,
    """
    from ce_harness import compare
    comparison = compare([{"_target_": "my_loss.Tempered", "t": 3.0, "name": "tempered"}, "softmax_ce"],
                         seeds=2, overrides=["learning_rate=0.5"], **small)
    """,
    "comparison",
    """
    import json
    runs = comparison.runs
    again = compare([{"_target_": "my_loss.Tempered", "t": 3.0, "name": "tempered"}, "softmax_ce"],
                    seeds=2, overrides=["learning_rate=0.5"], **small)
    print(json.dumps({
        "runs": runs[["dataset", "model", "loss", "seed", "learning_rate"]].values.tolist(),
        "same": sorted(runs["run_id"]) == sorted(again.runs["run_id"]),
        "verdicts": comparison.verdicts.columns.tolist()[:2],
        "figures": [type(figure).__module__ for figure in comparison.figures.values()][:1],
    }))
    """,
    """
    import sys
    print("tensorflow" in sys.modules)
    """,
    """
    from ce_harness import load
    kept = compare([{"_target_": "my_loss.Tempered", "t": 3.0, "name": "tempered"}, "softmax_ce"],
                   seeds=2, overrides=["learning_rate=0.5"], save_model=True, **small)
    best = kept.runs.sort_values("val/accuracy").iloc[-1]
    classifier = load(f"runs/{best.config_hash}-{best.code_digest}")
    print(json.dumps([sorted(kept.runs["run_id"]) == sorted(runs["run_id"]), [*classifier.predict(x[:1])]]))
    """,
)  # fmt: skip


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "my_loss.py").write_text(OWN_LOSS)
    cells = [nbformat.v4.new_code_cell("\n".join(line[4:] for line in cell.splitlines()) or cell) for cell in CELLS]
    cells[2].source = CELLS[2]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(
        notebook, timeout=300, iopub_timeout=60, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return [cell.outputs for cell in notebook.cells]


def printed(outputs):
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


def test_losses_of_ones_own_are_compared_on_arrays_of_ones_own(outputs):
    seen = json.loads(printed(outputs[3]).splitlines()[-1])
    pairs = {(loss, seed) for _, _, loss, seed, _ in seen["runs"]}
    assert pairs == {("tempered", 0), ("tempered", 1), ("softmax_ce", 0), ("softmax_ce", 1)}
    assert {(name, model, rate) for name, model, _, _, rate in seen["runs"]} == {("squares", "softmax_regression", 0.5)}
    assert seen["verdicts"] == ["claim", "verdict"]
    assert seen["figures"] == ["matplotlib.figure"]


def test_a_run_that_is_complete_is_not_trained_again(outputs):
    assert json.loads(printed(outputs[3]).splitlines()[-1])["same"]


def test_a_bar_shows_how_far_the_training_is(outputs):
    kinds = {key for output in outputs[1] for key in output.get("data", {})}
    assert "application/vnd.jupyter.widget-view+json" in kinds


def test_it_shows_answer_table_and_figure(outputs):
    (shown,) = outputs[2]
    page = shown.data["text/html"]
    assert "Which of tempered and softmax_ce trains the better model?" in page
    assert "<td>test accuracy</td>" in page
    assert 'src="data:image/png;base64,' in page
    assert "tempered is more accurate than softmax_ce: " in shown.data["text/plain"]


def test_the_kernel_itself_trains_nothing(outputs):
    assert printed(outputs[4]) == "False\n"


def test_to_keep_the_networks_makes_no_other_runs_and_one_of_them_predicts(outputs):
    assert json.loads(printed(outputs[5]).splitlines()[-1]) == [True, ["dark", "grey", "light"]]
