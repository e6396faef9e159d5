"""Small clean-ups of emitted ONNX: biases into convolutions, transposes that cancel."""

from __future__ import annotations

from collections import Counter

from graphdoctor.formats.onnx.records import Emitted, OnnxModel


def simplify(model: OnnxModel) -> OnnxModel:
    """Apply every clean-up in place and return ``model``."""
    _cancel_transposes(model)
    _bias_into_conv(model)
    return model


def _readers(model: OnnxModel) -> Counter[str]:
    counts = Counter(name for n in model.nodes for name in n.inputs)
    counts.update(name for name, _ in model.outputs)
    return counts


def _producers(model: OnnxModel) -> dict[str, Emitted]:
    return {name: n for n in model.nodes for name in n.outputs}


def _bias_into_conv(model: OnnxModel) -> None:
    """Conv without bias, then Add of a constant [1,C,1,1] read by nobody else: one Conv with that bias."""
    readers, producers, gone = _readers(model), _producers(model), set()
    for add in model.nodes:
        if add.op_type == "Add" and any(
            _absorb(model, add, conv, bias, readers, producers) for conv, bias in (add.inputs, add.inputs[::-1])
        ):
            gone.add(id(add))
    _remove(model, gone)


def _absorb(
    model: OnnxModel,
    add: Emitted,
    data: str,
    bias_name: str,
    readers: Counter[str],
    producers: dict[str, Emitted],
) -> bool:
    conv, bias = producers.get(data), model.initializers.get(bias_name)
    if conv is None or bias is None or conv.op_type != "Conv" or len(conv.inputs) != 2 or readers[data] != 1:
        return False
    weights = model.initializers.get(conv.inputs[1])
    if weights is None or bias.ndim != weights.ndim or bias.size != weights.shape[0] or bias.shape[1] != bias.size:
        return False
    flat = f"{bias_name}/bias"
    model.initializers[flat] = bias.reshape(-1)
    conv.inputs.append(flat)
    conv.outputs = list(add.outputs)
    conv.origins = tuple(dict.fromkeys((*conv.origins, *add.origins)))
    producers[conv.outputs[0]] = conv
    return True


def _cancel_transposes(model: OnnxModel) -> None:
    """A Transpose of a Transpose: one, or none where they cancel (and the tensor is no output)."""
    producers = _producers(model)
    outputs = {name for name, _ in model.outputs}
    alias: dict[str, str] = {}
    gone = set()
    for second in model.nodes:
        second.inputs = [alias.get(n, n) for n in second.inputs]
        first = producers.get(second.inputs[0]) if second.op_type == "Transpose" else None
        if first is None or first.op_type != "Transpose":
            continue
        perm = [first.attrs["perm"][i] for i in second.attrs["perm"]]
        second.inputs = list(first.inputs)
        second.attrs = {"perm": perm}
        if perm == sorted(perm) and second.outputs[0] not in outputs:
            alias[second.outputs[0]] = first.inputs[0]
            gone.add(id(second))
    _remove(model, gone)


def _remove(model: OnnxModel, gone: set[int]) -> None:
    """Drop nodes by identity, then whatever nobody reads any more."""
    model.nodes = [n for n in model.nodes if id(n) not in gone]
    read = {name for name, _ in model.outputs}
    kept = []
    for emitted in reversed(model.nodes):
        if any(o in read for o in emitted.outputs):
            kept.append(emitted)
            read.update(emitted.inputs)
    model.nodes = kept[::-1]
    model.initializers = {k: v for k, v in model.initializers.items() if k in read}
