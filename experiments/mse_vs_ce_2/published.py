"""What was published, and what it would lead us to expect here."""

from __future__ import annotations

from ce_harness.report.output.literature import Finding
from ce_harness.report.study import Claim

START = "model.head_stddev"
AS_KERAS, CONFIDENTLY_WRONG = None, 4.0  # standard deviation of the head's initial weights

FINDINGS = (
    Finding(
        "Hui & Belkin 2021, arXiv 2006.07322",
        "28 tasks, squared error on logits, rescaled targets",
        "at least as good as cross-entropy in 22; cross-entropy slightly ahead in vision (CIFAR-10: 96.3 and 95.9%)",
        Claim("CE ahead of MSE on logits", "test/accuracy", "softmax_ce", "mse_logits", "greater", margin=0.005),
        {START: AS_KERAS},
    ),
    Finding(
        "Hui, Belkin & Wright 2023, arXiv 2302.03952",
        "squentropy, vision and language",
        "more accurate than cross-entropy and than squared error on most tasks",
        Claim("squentropy ahead of CE", "test/accuracy", "squentropy", "softmax_ce", "greater", margin=0.005),
        {START: AS_KERAS},
    ),
    Finding(
        "Golik et al. 2013, Interspeech",
        "speech recognition, squared error through softmax",
        "squared error does not reach a good optimum from random weights",
        Claim("CE ahead from a bad start", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.005),
        {START: CONFIDENTLY_WRONG},
    ),
    Finding(
        "Glorot & Bengio 2010, AISTATS",
        "tanh MLP, quadratic cost",
        "clearly more severe plateaus with the quadratic cost",
        Claim("CE sooner at 80%", "epochs_to/0.8", "softmax_ce", "mse", "less", margin=0.5),
        {START: CONFIDENTLY_WRONG},
    ),
    Finding(
        "Mukhoti et al. 2020, arXiv 2002.09437",
        "CIFAR-100, ResNet-50, Brier score as loss",
        "ECE 17.5% with cross-entropy, 6.5% with the Brier score",
        Claim("MSE calibrated better", "ece_debiased", "softmax_ce", "mse", "greater", margin=0.005),
    ),
    Finding(
        "Mukhoti et al. 2020, arXiv 2002.09437",
        "the same after temperature scaling",
        "ECE 3.4 and 3.6%: the gap is gone",
        Claim("equal after scaling", "test/ece_calibrated", "softmax_ce", "mse", "equal", margin=0.005),
    ),
    Finding(
        "Hu et al. 2022, arXiv 2112.03657",
        "CIFAR-10, ResNet-18, 5 seeds",
        "accuracy 95.15 and 95.04%",
        Claim("equal accuracy", "test/accuracy", "softmax_ce", "mse", "equal", margin=0.005),
        {START: AS_KERAS},
    ),
    Finding(
        "closed form",
        "uniform prediction, 10 classes",
        "gradient of cross-entropy on the logits 5 times that of MSE",
        Claim("CE larger early", "early_grad_norm", "softmax_ce", "mse", "greater", margin=1.25, ratio=True),
        {START: AS_KERAS},
    ),
    Finding(
        "Zhou et al. 2022, arXiv 2210.02192",
        "cross-entropy, label smoothing, focal loss and squared error, large networks trained to convergence",
        "equal test accuracy once the network is large and has converged; these networks are small and stop early",
    ),
    Finding(
        "Farebrother et al. 2024, arXiv 2403.03950",
        "value functions in reinforcement learning",
        "cross-entropy on binned targets scales where squared error does not; nothing here is a regression",
    ),
    Finding(
        "Zhou et al. 2022, arXiv 2203.01238",
        "large networks on balanced data, trained far beyond zero training error",
        "squared error's landscape is as benign as cross-entropy's; nothing here is trained so far",
    ),
    Finding(
        "Han, Papyan & Donoho 2022, arXiv 2106.02073",
        "squared error on logits, trained to collapse",
        "features of a class collapse onto their mean under squared error, too; no network here is trained so far",
    ),
    Finding(
        "Kornblith et al. 2021, arXiv 2010.16402",
        "ImageNet, nine losses",
        "accuracy differs little between losses, transfer of the features does; features are not measured here",
    ),
    Finding(
        "Demirkaya et al. 2020, CISS", "CIFAR-100", "MSE falls behind as the classes grow: see `number_of_classes`"
    ),
)
