"""What holds for every test: one TensorFlow, whatever test imports it first."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# oneDNN sums in another order than TensorFlow's own kernels, and takes attributes that those refuse.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
# Nothing is kept between tests, and nothing in the cache of whoever runs them: no folder can be made there.
os.environ["GRAPHDOCTOR_CACHE_DIR"] = f"{os.devnull}/cache"
os.environ["XDG_CONFIG_HOME"] = f"{os.devnull}/config"

# How fast inputs are made depends on what else the machine does; that is no property of the code.
settings.register_profile("graphdoctor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("graphdoctor")
