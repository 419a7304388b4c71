"""The view that the dashboard opens with: charts of what the losses are compared by, runs grouped by loss.

MLflow keeps a view that somebody shares as a tag of the experiment, and opens it by the key in the tag's name. The
fields are those of MLflow 3.17's page of runs. A later MLflow that knows them no more opens its plain charts instead.
"""

from __future__ import annotations

import base64
import json
import zlib

from mlflow import MlflowClient

KEY = "ce_harness"
TAG = f"mlflow.sharedViewState.{KEY}"

CURVES = ("val/accuracy", "train/loss", "grad_norm/global", "grad_norm/logits")
ON_LOG_AXIS = "grad_norm/"
SCORES = ("test/accuracy", "test/nll", "test/ece")  # a bar for each loss
COLUMNS = ("tags.`loss`", "tags.`seed`", *(f"metrics.`{score}`" for score in SCORES), "params.`learning_rate`")
FIRST = "Losses compared"
FOLDED = ("step", "test", "train", "val")  # MLflow's own charts of all metrics, by what stands before /


def prepare(client: MlflowClient, experiment_id: str) -> str:
    """Puts the view into an experiment, and returns its key."""
    value = encoded(state())
    if client.get_experiment(experiment_id).tags.get(TAG) != value:
        client.set_experiment_tag(experiment_id, TAG, value)
    return KEY


def state() -> dict[str, object]:
    """The view, in the words of MLflow's page."""
    by_loss = {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "loss"}]}
    sections = [_section(FIRST, shown=True), *(_section(name, shown=False) for name in FOLDED)]
    return {
        "selectedColumns": list(COLUMNS),
        "runsHiddenMode": "SHOW_ALL",  # else the first ten runs, which are of one loss
        "groupBy": by_loss,
        "useGroupedValuesInCharts": True,
        "compareRunCharts": [*map(_curve, CURVES), *map(_bars, SCORES)],
        "compareRunSections": sections,
        "isAccordionReordered": True,  # else MLflow sorts them by name
        "hideEmptyCharts": True,
    }


def encoded(view: dict[str, object]) -> str:
    """As MLflow's page packs it."""
    return "deflate;" + base64.b64encode(zlib.compress(json.dumps(view).encode())).decode()


def _section(name: str, shown: bool) -> dict[str, object]:
    return {"uuid": name, "name": name, "display": shown, "isReordered": False, "columns": 2}


def _bars(metric: str) -> dict[str, object]:
    return _chart("BAR", metric)


def _curve(metric: str) -> dict[str, object]:
    return {
        **_chart("LINE", metric),
        "selectedMetricKeys": [metric],
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "scaleType": "log" if metric.startswith(ON_LOG_AXIS) else "linear",
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "selectedXAxisMetricKey": "",
        "lineSmoothness": 0,
        "range": {},
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _chart(kind: str, metric: str) -> dict[str, object]:
    return {
        "type": kind,
        "uuid": metric,
        "metricSectionId": FIRST,
        "isGenerated": False,
        "deleted": False,
        "metricKey": metric,
    }
