"""graphdoctor: checks, repairs and converts frozen TensorFlow graphs for NVIDIA TensorRT."""

from __future__ import annotations

__version__ = "0.1.0"
