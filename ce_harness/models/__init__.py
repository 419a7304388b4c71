"""Classifiers: a builder takes ``input_shape`` and ``num_classes`` and returns a Keras model of logits."""

from ce_harness.models.backbone import backbone
from ce_harness.models.networks import convnet, lenet5, mlp, resnet20, softmax_regression, vgg_small

__all__ = ["backbone", "convnet", "lenet5", "mlp", "resnet20", "softmax_regression", "vgg_small"]
