"""Parses a UFF file with TensorRT's own UffParser and builds a plan of it, in the Python that has such a TensorRT.

That Python is another one than graphdoctor's: JetPack's ``tensorrt`` is a module of the system's Python, 3.6 on
JetPack 4 and 3.8 on JetPack 5. So this file is run by its path, speaks Python 3.6, and needs the standard library and
``tensorrt`` alone; it knows the exchange of `graphdoctor.jobs` by its files.

NEVER RUN AGAINST THE REAL ONE: no machine of this project has TensorRT 5 to 8. The calls of `build`, `parse` and
`plan_of` are those that NVIDIA documents, and tests hold them against a stand-in that takes nothing else:

- UffParser: docs.nvidia.com/deeplearning/tensorrt/archives/, tensorrt_500rc, tensorrt-601, tensorrt-722 and
  tensorrt-800-ea, api/python_api/parsers/Uff/pyUff.html; names and defaults of the arguments are in
  python/src/parsers/pyUff.cpp of NVIDIA/TensorRT.
- Builder: infer/Core/Builder.html of the same, and python/src/infer/pyCore.cpp. Up to 7.2 the builder has
  ``max_workspace_size``, ``fp16_mode``, ``int8_mode`` and ``build_cuda_engine``. 8.0 removed them
  (c_api/deprecated.html of 7.2.2): a config has size and flags, ``build_serialized_network`` gives the plan.
- ``set_memory_pool_limit`` replaces the config's ``max_workspace_size`` since 8.3 (deprecated.html of 8.4.3).
- Logger: infer/Core/Logger.html; it writes to standard error. Up to 7.2 nothing can be derived from ``ILogger``
  (pyCore.cpp), so what it says is read from there, by the parent.
"""

import hashlib
import json
import os
import platform
import signal
import sys
import time
from typing import Any, Dict, Tuple

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [p for p in sys.path if os.path.abspath(p) != _HERE]  # modules of this folder are none of tensorrt's


class RefusedError(Exception):
    """TensorRT was asked in the right way and said no; ``stage`` is ``options``, ``parse`` or ``build``."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage


def answer_to(request: Dict[str, Any]) -> Dict[str, Any]:
    """What TensorRT makes of the file of ``request``; without one, which TensorRT it is."""
    start = time.time()
    import tensorrt as trt

    answer = {
        "version": str(trt.__version__),
        "python": platform.python_version(),
        "has_parser": hasattr(trt, "UffParser"),
        "seconds": {"import": time.time() - start},
    }  # type: Dict[str, Any]
    if not request["uff"] or not answer["has_parser"]:
        return answer
    try:
        build(trt, request, answer)
    except RefusedError as e:
        answer["refused"] = {"stage": e.stage, "message": str(e)}
    return answer


def build(trt: Any, request: Dict[str, Any], answer: Dict[str, Any]) -> None:
    """Parse the file and, if it is wanted, write its plan; ``answer`` gets what is known after each step.

    Raises:
        RefusedError: an input or output cannot be registered, or the parser or the builder says no.
    """
    logger = trt.Logger(trt.Logger.WARNING)
    _load_plugins(trt, logger, request["libraries"])
    builder = trt.Builder(logger)
    network = builder.create_network()  # implicit batch, the only kind that the parser fills
    parser = trt.UffParser()
    start = time.time()
    answer["read_sha256"] = _sha256(request["uff"])
    parse(trt, parser, network, request)
    answer["parsed"] = True
    answer["seconds"]["parse"] = time.time() - start
    answer["inputs"] = [_tensor(network.get_input(i)) for i in range(network.num_inputs)]
    answer["outputs"] = [_tensor(network.get_output(i)) for i in range(network.num_outputs)]
    if not request["plan"]:
        return
    start = time.time()
    plan = plan_of(trt, builder, network, request)
    answer["seconds"]["build"] = time.time() - start
    if plan is None:
        raise RefusedError("build", "the builder made no engine")
    view = memoryview(plan)
    with open(request["plan"], "xb") as file:
        file.write(view)
    answer.update(size=view.nbytes, sha256=hashlib.sha256(view).hexdigest())


def _load_plugins(trt: Any, logger: Any, libraries: Any) -> None:
    """NVIDIA's plugins, and the libraries that register others when they are loaded."""
    import ctypes

    for path in libraries:
        try:
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        except OSError as e:
            raise RefusedError("options", "the plugin library {} cannot be loaded: {}".format(path, e))
    trt.init_libnvinfer_plugins(logger, "")


def parse(trt: Any, parser: Any, network: Any, request: Dict[str, Any]) -> None:
    """Register what the file does not say, channels first and without the batch, and fill ``network``."""
    for value in request["inputs"]:
        if not parser.register_input(value["name"], tuple(value["dims"]), trt.UffInputOrder.NCHW):
            raise RefusedError("parse", "{}: the input cannot be registered as {}".format(value["name"], value["dims"]))
    for name in request["outputs"]:
        if not parser.register_output(name):
            raise RefusedError("parse", "{}: the output cannot be registered".format(name))
    try:
        parsed = parser.parse(request["uff"], network)
    except RuntimeError as e:  # what pybind11 makes of an exception in C++: a failed check of protobuf, for one
        raise RefusedError("parse", str(e))
    if not parsed:
        raise RefusedError("parse", "the parser refuses the file")


def plan_of(trt: Any, builder: Any, network: Any, request: Dict[str, Any]) -> Any:
    """The plan as a buffer, ``None`` where the builder makes none. Releases differ in where they keep the options."""
    builder.max_batch_size = request["batch"]
    if not hasattr(builder, "build_serialized_network"):  # 5 to 7
        builder.max_workspace_size = request["workspace"]
        builder.fp16_mode = request["half"]
        builder.int8_mode = request["int8"]
        engine = builder.build_cuda_engine(network)
        return None if engine is None else engine.serialize()
    config = builder.create_builder_config()
    if hasattr(config, "set_memory_pool_limit"):
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, request["workspace"])
    else:
        config.max_workspace_size = request["workspace"]
    for key, flag in (("half", "FP16"), ("int8", "INT8")):
        if request[key]:
            config.set_flag(getattr(trt.BuilderFlag, flag))
    return builder.build_serialized_network(network, config)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _tensor(value: Any) -> Dict[str, Any]:
    dtype = str(value.dtype).rpartition(".")[2]  # early releases give their words no name
    known = {"FLOAT": "float32", "HALF": "float16"}
    return {"name": value.name, "dtype": known.get(dtype, dtype.lower()), "shape": [int(d) for d in value.shape]}


def _failure(error: BaseException) -> Dict[str, str]:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = "; ".join(lines[:3])[:2000] or type(error).__name__
    if isinstance(error, ImportError) and error.name == "tensorrt":
        return {"kind": "missing module", "message": message, "module": "tensorrt"}
    return {"kind": "error", "message": message, "module": ""}


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _done(folder: str) -> Tuple[Dict[str, Any], int]:
    try:
        with open(os.path.join(folder, "request.json"), "rb") as file:
            request = json.loads(file.read().decode("utf-8"))["data"]
        return {"data": answer_to(request)}, 0
    except BaseException as e:
        return {"failure": _failure(e)}, 1


def main() -> None:
    """Do the job in the folder named on the command line; end without destructors, in which native libraries crash."""
    _die_with_parent()
    envelope, code = _done(sys.argv[1])
    draft = os.path.join(sys.argv[1], "result.json.part")
    with open(draft, "wb") as file:
        file.write(json.dumps(envelope).encode("utf-8"))
    os.replace(draft, os.path.join(sys.argv[1], "result.json"))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
