"""Softmax + cross-entropy against squared error, measured."""
