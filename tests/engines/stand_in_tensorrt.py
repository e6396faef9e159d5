"""A ``tensorrt`` module that computes nothing and takes only what NVIDIA documents of a release; copied as tensorrt.py.

It stands for what no machine here can run: TensorRT 5 to 8 with its UffParser. $STANDIN_RELEASE is the release,
$STANDIN_CALLS the file that gets a line per call, $STANDIN_DOES what goes wrong. Classes have the members that the
documentation of the release lists and no others, as those of pybind11 do: setting or calling another is an error.
Sources: see graphdoctor/workers/uff_engine.py.
"""

import enum
import json
import os
import signal
import sys
import time
from pathlib import Path

__version__ = os.environ["STANDIN_RELEASE"]
_MAJOR, _MINOR = (int(n) for n in __version__.split(".")[:2])
_DOES = os.environ.get("STANDIN_DOES", "")
if _DOES == "no-library":
    raise ImportError("libnvinfer.so.7: cannot open shared object file: No such file or directory")


def _called(name, *args):
    with Path(os.environ["STANDIN_CALLS"]).open("a") as file:
        file.write(json.dumps([name, *args]) + "\n")


def _says(severity, text):
    """As the Logger of the release writes it: pyCore.cpp of 7.2, and of 8.2 and later."""
    new = (_MAJOR, _MINOR) >= (8, 2)
    head = f"[11/20/2026-19:00:00] [TRT] [{severity[0]}] " if new else f"[TensorRT] {severity}: "
    os.write(2, f"{head}{text}\n".encode())


class DataType:
    """Without the ``name`` that values of later pybind11 have."""

    def __str__(self):
        return "DataType.FLOAT"


DataType.FLOAT = DataType()


class UffInputOrder(enum.Enum):
    NCHW = 0
    NHWC = 1
    NC = 2


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class BuilderFlag(enum.Enum):
    FP16 = 0
    INT8 = 1


class Logger:
    class Severity(enum.Enum):
        WARNING = 2

    WARNING = Severity.WARNING

    def __init__(self, min_severity=Severity.WARNING):
        assert isinstance(min_severity, Logger.Severity)
        _called("Logger", min_severity.name)


def init_libnvinfer_plugins(logger, namespace):
    assert isinstance(logger, Logger)
    assert namespace == ""
    _called("init_libnvinfer_plugins")
    return True


class _Tensor:
    def __init__(self, name, shape):
        self.name, self.shape, self.dtype = name, shape, DataType.FLOAT


class _Network:
    __slots__ = ("_ins", "_outs")

    def __init__(self):
        self._ins, self._outs = [], []

    num_inputs = property(lambda self: len(self._ins))
    num_outputs = property(lambda self: len(self._outs))

    def get_input(self, index):
        return self._ins[index]

    def get_output(self, index):
        return self._outs[index]


class _Engine:
    __slots__ = ()

    def serialize(self):
        _called("serialize")
        return memoryview(b"plan of " + __version__.encode())


class _Config:
    __slots__ = ("max_workspace_size",) if (_MAJOR, _MINOR) < (8, 3) else ()

    if (_MAJOR, _MINOR) >= (8, 3):

        def set_memory_pool_limit(self, pool, pool_size):
            assert isinstance(pool, MemoryPoolType)
            _called("set_memory_pool_limit", pool.name, pool_size)

    def set_flag(self, flag):
        assert isinstance(flag, BuilderFlag)
        _called("set_flag", flag.name)


def _build(how, network):
    assert isinstance(network, _Network)
    assert network.num_outputs, "nothing was parsed"
    _called(how)
    if _DOES == "hang":
        time.sleep(60)
    _says("WARNING", "no implementation obeys the requested constraints")
    if _DOES == "no-engine":
        _says("ERROR", "conv1/Conv2D: kernel weights has count 864 but 46080 was expected")
        return None
    return _Engine()


class Builder:
    __slots__ = ("max_batch_size",)

    def __init__(self, logger):
        assert isinstance(logger, Logger)
        _called("Builder")
        if _DOES == "no-gpu":
            _says("ERROR", "CUDA initialization failure with error 100")
            raise TypeError("pybind11::init(): factory function returned nullptr")

    def create_network(self, flags=0):
        assert flags == 0, "the UFF parser fills networks with an implicit batch"
        _called("create_network")
        return _Network()


class _OldBuilder(Builder):
    """5 to 7."""

    __slots__ = ("fp16_mode", "int8_mode", "max_workspace_size")

    def build_cuda_engine(self, network):
        _called("options", self.max_batch_size, self.max_workspace_size, self.fp16_mode, self.int8_mode)
        return _build("build_cuda_engine", network)


class _NewBuilder(Builder):
    """8."""

    __slots__ = ()

    def create_builder_config(self):
        return _Config()

    def build_serialized_network(self, network, config):
        assert isinstance(config, _Config)
        _called("options", self.max_batch_size, getattr(config, "max_workspace_size", None))
        engine = _build("build_serialized_network", network)
        return None if engine is None else engine.serialize()


Builder = _NewBuilder if _MAJOR >= 8 else _OldBuilder


class UffParser:
    def __init__(self):
        self._inputs, self._outputs = [], []
        _called("UffParser")

    def register_input(self, name, shape, order=UffInputOrder.NCHW):
        assert isinstance(name, str)
        assert isinstance(shape, tuple)
        assert all(type(d) is int and d > 0 for d in shape)
        assert isinstance(order, UffInputOrder)
        _called("register_input", name, shape, order.name)
        self._inputs.append(_Tensor(name, shape))
        return _DOES != "no-input"

    def register_output(self, name):
        assert isinstance(name, str)
        _called("register_output", name)
        self._outputs.append(_Tensor(name, (10,)))
        return True

    def parse(self, file, network, weights_type=DataType.FLOAT):
        assert isinstance(network, _Network)
        assert isinstance(weights_type, DataType)
        assert self._inputs, "an input must be registered before the file is parsed"
        assert self._outputs, "an output must be registered before the file is parsed"
        _called("parse", len(Path(file).read_bytes()))
        if _DOES == "crash":
            _says("ERROR", "UffParser: Parser error: conv1/Conv2D: something is wrong")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        if _DOES == "raise":
            raise RuntimeError("CHECK failed: (index) < (current_size_): ")
        if _DOES.startswith("refuse:"):
            _says("ERROR", f"UffParser: Parser error: {_DOES[7:]}: Unsupported binary op max with constant right")
            return False
        if _DOES == "refuse":
            _says("ERROR", "UffParser: Parser error: conv1/Conv2D:Unsupported binary op max with constant right")
            _says("ERROR", "UffParser: Validator error: pool1/MaxPool: Unsupported operation _Pool")
            return False
        if _DOES == "refuse-silently":
            return False
        network._ins[:], network._outs[:] = self._inputs, self._outputs
        return True


if _MAJOR >= 9:
    del UffParser
