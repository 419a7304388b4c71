"""What the formulas of the losses alone say about gradients, saturation and information. Reads no runs.

Command: python report.py loss_gradients
"""

from ce_harness.report.study import Study

from . import entropy, logits, neuron, true_class

STUDY = Study(
    question="Which of cross-entropy's larger gradients are a matter of scale, and which of saturation?",
    tables={
        "uniform_start": logits.uniform_start,
        "saturation": logits.saturation,
        "true_class": true_class.table,
        "one_neuron": neuron.outputs,
        "entropy": entropy.decomposition,
    },
    figures={
        "logit_gradients": logits.norms,
        "true_class": true_class.curves,
        "one_neuron": neuron.curves,
        "entropy": entropy.areas,
    },
)
