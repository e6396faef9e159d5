"""The order of findings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.findings import Finding, Severity, in_order

FINDINGS = st.builds(
    Finding,
    code=st.sampled_from(["GDA001", "GDB001"]),
    name=st.just("rule"),
    severity=st.sampled_from(Severity),
    target=st.sampled_from(["", "trt3", "trt4"]),
    node=st.sampled_from(["", "a", "a/b", "b"]),
    op=st.sampled_from(["Relu", "Add"]),  # takes no part in the order: equals stay as they came
    message=st.sampled_from(["one", "two"]),
)


@given(st.lists(FINDINGS, max_size=30))
def test_the_quick_order_is_that_of_the_keys(findings: list[Finding]) -> None:
    assert list(map(id, in_order(findings))) == list(map(id, sorted(findings, key=lambda f: f.sort_key)))
