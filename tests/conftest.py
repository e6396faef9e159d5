"""What holds for every test: one TensorFlow, whatever test imports it first."""

from __future__ import annotations

import os

# oneDNN sums in another order than TensorFlow's own kernels, and takes attributes that those refuse.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
