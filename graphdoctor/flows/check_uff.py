"""check of a UFF file."""

from __future__ import annotations

from dataclasses import replace

from graphdoctor.errors import InputError
from graphdoctor.findings import Finding, ModelReport, TensorInfo
from graphdoctor.flows.check import CheckOptions, answered, every_target
from graphdoctor.flows.opening import SignatureOptions
from graphdoctor.flows.uff_views import input_info
from graphdoctor.formats.uff import UffFile, load_uff
from graphdoctor.lint import LintResult, UffSubject, lint_uff, subject_of
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.passes.signature import GivenInput
from graphdoctor.targets import load_target
from graphdoctor.types import DType


def check_uff(path: str, data: bytes, options: CheckOptions) -> ModelReport:
    """Lint the UFF file at ``path``, whose content is ``data``.

    Raises:
        InputError: it is damaged, or a name that was given is not in it.
    """
    file = load_uff(path, data)
    of = subject_of(file.model, _given(file, options.signature))
    wanted = replace(options.lint, report=options.targets)
    result = lint_uff(of, every_target(), wanted)
    report = _report(file, of, options, result)
    return answered(report, of.graph, Specs(), options, result, lambda: _for_every_target(of, options))


def _given(file: UffFile, signature: SignatureOptions) -> frozenset[str]:
    """The inputs that ``--input`` says something of."""
    names = [n.id for n in file.model.nodes() if n.op == "Input"]
    for given in signature.inputs:
        if given.name not in names:
            raise InputError(
                f"{given.name!r} is no input of it",
                where="--input",
                remedy=f"Its inputs are {', '.join(names) or 'none'}",
            )
    if signature.outputs:
        raise InputError("a UFF file marks its outputs itself", where="--output", remedy="Leave --output out")
    return frozenset(g.name for g in signature.inputs)


def _report(file: UffFile, of: UffSubject, options: CheckOptions, result: LintResult) -> ModelReport:
    model, given = file.model, {g.name: g for g in options.signature.inputs}
    return ModelReport(
        path=file.path,
        sha256=file.sha256,
        kind="uff",
        producer=0,
        nodes=sum(1 for _ in model.nodes()),
        inputs=tuple(_input(input_info(model, n), given) for g in model.graphs for n in g.inputs()),
        outputs=tuple(TensorInfo(i, DType.INVALID, None) for g in model.graphs for i in g.outputs()),
        verdicts=tuple(replace(v, parser=load_target(v.target).parser) for v in result.verdicts),
        findings=(*result.findings, *(h.finding for h in result.concealed)),
        not_checked=result.not_checked,
        chosen=options.targets,
    )


def _input(info: TensorInfo, given: dict[str, GivenInput]) -> TensorInfo:
    said = given.get(info.name)
    if said is None:
        return info
    return TensorInfo(info.name, said.dtype or info.dtype, said.dims if said.has_dims else info.shape)


def _for_every_target(of: UffSubject, options: CheckOptions) -> list[Finding]:
    """What would be found if every target was asked for."""
    result = lint_uff(of, every_target(), replace(options.lint, report=None))
    return [*result.findings, *(h.finding for h in result.concealed)]
