"""Edits: the table of graphsurgeon's behaviour, with the right thing where it had a bug."""

from __future__ import annotations

import warnings

import pytest

import graphdoctor.graphsurgeon as gs
from graphdoctor.graphsurgeon.forward import MOST_INPUTS
from tests.graphsurgeon.notation import graph, text


@pytest.mark.parametrize(
    ("before", "forwarded", "after"),
    [
        ("x; i1=Id(x); i2=Id(i1); i3=Id(i2); r=R(i3)", "i1 i2 i3", "x; r=R(x)"),
        ("p; q; x; y; f=F(x,y); r=R(p,f,q)", "f", "p; q; x; y; r=R(p,x,y,q)"),
        ("x; y; i=Id(x); f=F(i,y); r=R(f)", "i f", "x; y; r=R(x,y)"),
        ("x; y; i=Id(x); j=Id(y); f=F(i,j); r=R(f)", "i j f", "x; y; r=R(x,y)"),
        ("r=R(i3); i3=Id(i2); i2=Id(i1); i1=Id(x); x", "i1 i2 i3", "r=R(x); x"),
        ("x; y; i=Id(x); r=R(y,^i)", "i", "x; y; r=R(y,^x)"),
        ("x; i=Id(x:1); r=R(^i)", "i", "x; r=R(^x)"),
        ("x; i=Id(x); r=R(i:0,i)", "i", "x; r=R(x,x)"),
        ("s; i=Id(s:1); r=R(i)", "i", "s; r=R(s:1)"),
        ("x; y; i=Id(x,^y); r=R(i)", "i", "x; y; i=Id(x,^y); r=R(i)"),
        ("k=Const; x; r=R(k,x)", "k", "x; r=R(x)"),
        ("x; i=Id(x); r=R(i,i,x)", "i", "x; r=R(x,x,x)"),
        ("x; i=Id(x)", "i", "x"),
        ("a=Id(b); b=Id(a); r=R(a)", "a b", "a=Id(b); b=Id(a); r=R(a)"),
        ("i=Id(i)", "i", "i=Id(i)"),
        ("a=Id(b); b=Id(a); c=Id(b); x; d=Id(x); r=R(c,d)", "a b c d", "a=Id(b); b=Id(a); c=Id(b); x; r=R(c,x)"),
        ("x; s=Split(x); r=R(s,s:1)", "s", "x; s=Split(x); r=R(s,s:1)"),
    ],
)
def test_forward_inputs(before: str, forwarded: str, after: str) -> None:
    made = graph(before)
    made.forward_inputs([made[name] for name in forwarded.split()])
    assert text(made) == after


def test_forwarding_takes_names_and_passes_over_what_is_gone() -> None:
    made = graph("x; i=Id(x); j=Id(i); r=R(j)")
    nodes = made.find_nodes_by_op("Id")
    made.forward_inputs("i")
    made.forward_inputs(nodes)
    assert text(made) == "x; r=R(x)"
    with pytest.raises(KeyError, match="no node 'i'"):
        made.forward_inputs(["i"])


def test_a_script_that_catches_assertion_errors_still_does() -> None:
    made = graph("a; y=Y(a)")
    for edit in (
        lambda: made.remove("z"),
        lambda: made.add(gs.create_node("a")),
        lambda: made.connect("a", "y", error_if_connected=True),
        lambda: made.disconnect("y", "a", error_if_not_connected=True),
        lambda: made.sort("a", ["y"]),
    ):
        with pytest.raises(AssertionError):
            edit()
    assert text(made) == "a; y=Y(a)"


def test_forwarding_a_long_run_needs_no_recursion() -> None:
    made = graph("x; " + "; ".join(f"i{k}=Id({f'i{k - 1}' if k else 'x'})" for k in range(5000)) + "; r=R(i4999)")
    made.forward_inputs(made.find_nodes_by_op("Id"))
    assert text(made) == "x; r=R(x)"


def test_forwarding_that_doubles_without_end_is_refused_whole() -> None:
    layers = "; ".join(f"l{i}=F(l{i - 1},l{i - 1})" for i in range(1, 40))
    made = graph(f"l0; {layers}; r=R(l39)")
    with pytest.raises(ValueError, match=f"{MOST_INPUTS:,}"):
        made.forward_inputs(made.find_nodes_by_op("F"))
    assert len(made) == 41


@pytest.mark.parametrize(
    ("before", "removed", "exclusive", "after"),
    [
        ("x; i2=Id(x); i3=Id(i2)", "i2", False, "x; i3=Id()"),
        ("x; s=Split(x); r=R(s:1,x,^s)", "s", False, "x; r=R(x)"),
        ("x; y; a=A(x); b=B(a,y); c=C(y)", "b", True, "y; c=C(y)"),
        ("x; s=Split(x); b=B(s:1); c=C(s)", "b", True, "x; s=Split(x); c=C(s)"),
        ("p; w=Switch(p); i=Id(w,^p); a=Assert(i,^w); k=Id(w)", "a", True, "p; w=Switch(p); k=Id(w)"),
        ("x; a=A(x); b=B(a)", "a b", False, "x"),
        ("a=A(gone); b=B", "a", True, "b=B()"),
        ("x; n=N(x); n=N(x); r=R(n)", "n", False, "x; r=R()"),
    ],
)
def test_remove(before: str, removed: str, exclusive: bool, after: str) -> None:
    made = graph(before)
    made.remove(removed.split(), remove_exclusive_dependencies=exclusive)
    assert text(made) == after


def test_removing_takes_a_node_a_name_or_several() -> None:
    made = graph("a; b; c; d; e")
    made.remove("a")
    made.remove(made["b"])
    made.remove([made["c"], "d"])
    made.remove([])
    assert text(made) == "e"
    with pytest.raises(KeyError, match="did you mean 'e'"):
        made.remove(["e", "ee"])
    assert text(made) == "e"


def test_exclusive_dependencies_need_no_recursion() -> None:
    made = graph("x; " + "; ".join(f"i{k}=Id({f'i{k - 1}' if k else 'x'})" for k in range(5000)))
    made.remove("i4999", remove_exclusive_dependencies=True)
    assert len(made) == 0


BASE = "x; w; n/a=A(x,w); n/b=B(n/a,y); n/m/c=C(n/b,x); y; o=O(n/m/c,z); z"


@pytest.mark.parametrize(
    ("before", "namespaces", "unique", "after"),
    [
        (BASE, {"n": "P"}, True, "x; w; y; o=O(P,z); z; P=P(x,w,y)"),
        (BASE, {"n": "P", "n/m": "Q"}, True, "x; w; y; o=O(Q,z); z; P=P(x,w,y); Q=Q(P,x)"),
        ("x; p/a=A(x); q/b=B(p/a,x); o=O(q/b,p/a)", {"p": "P", "q": "P"}, True, "x; o=O(P); P=P(x)"),
        ("x; n/a=A; n/b=B; o=O(n/a,x,n/b)", {"n": "P"}, True, "x; o=O(P,x); P=P()"),
        ("x; n/a=A; n/b=B; o=O(n/a,x,n/b,x)", {"n": "P"}, False, "x; o=O(P,x,x); P=P()"),
        ("x; n/a=A(x); n/b=B(x)", {"n": "P"}, False, "x; P=P(x,x)"),
        ("s; n/a=A(s,s:1,s:0,s)", {"n": "P"}, True, "s; P=P(s,s:1,s:0)"),
        ("x; e; n/a=A(x,^e); n/b=B(n/a,e)", {"n": "P"}, True, "x; e; P=P(x,e)"),
        ("x; e; n/a=A(x,^e); n/b=B(n/a,x:1)", {"n": "P"}, True, "x; e; P=P(x,x:1,^e)"),
        ("x; n/a=A(x); o=O(x,^n/a)", {"n": "P"}, True, "x; o=O(x,^P); P=P(x)"),
        ("x; n/a=A(x); o=O(n/a,^n/a)", {"n": "P"}, True, "x; o=O(P); P=P(x)"),
        ("n=N; n/s=S(n); o=O(n:1,n/s:1)", {"n": "P"}, True, "o=O(P); P=P()"),
        ("nn/a=A; x", {"n": "P", "n/": "P", "n.*": "P"}, True, "nn/a=A(); x; P=P()"),
        ("n/P=A; x=X(n/P)", {"n": "n/P"}, True, "x=X(n/P); n/P=n/P()"),
    ],
)
def test_collapse_namespaces(before: str, namespaces: dict[str, str], unique: bool, after: str) -> None:
    made = graph(before)
    plugins = {name: gs.create_plugin_node(name) for name in namespaces.values()}
    made.collapse_namespaces({path: plugins[name] for path, name in namespaces.items()}, unique_inputs=unique)
    assert text(made) == after


def test_nodes_can_be_excluded_by_name_or_as_they_are() -> None:
    made = graph("x; n/a=A(x); n/b=B(n/a); n/c=C(n/b)")
    made.collapse_namespaces({"n": gs.create_plugin_node("P")}, exclude_nodes=[made["n/c"], "n/x"])
    assert text(made) == "x; n/c=C(P); P=P(x)"


def test_the_node_that_was_given_stays_as_it_was() -> None:
    plugin = gs.create_plugin_node("P", inputs=["first"])
    for _ in range(2):
        made = graph("x; n/a=A(x); o=O(n/a)")
        made.collapse_namespaces({"n": plugin})
        assert text(made) == "x; o=O(P); P=P(first,x)"
    assert plugin.input == ["first"]
    assert made["P"] is not plugin


def test_a_name_that_is_taken_is_refused() -> None:
    made = graph("x; P=Other(x); n/a=A(x)")
    with pytest.raises(ValueError, match="another node 'P'"):
        made.collapse_namespaces({"n": gs.create_plugin_node("P")})
    assert text(made) == "x; P=Other(x); n/a=A(x)"


def test_a_cycle_is_said() -> None:
    made = graph("x; n/a=A(x); mid=M(n/a); n/b=B(mid)")
    with pytest.warns(UserWarning, match="P reads what reads it, through mid"):
        made.collapse_namespaces({"n": gs.create_plugin_node("P")})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph(BASE).collapse_namespaces({"n": gs.create_plugin_node("P")})


def test_add_is_for_new_names() -> None:
    made = graph("a")
    made.add(gs.create_node("b"))
    made.add([gs.create_node("c"), gs.create_node("d")])
    with pytest.raises(ValueError, match="a node 'c' already"):
        made.add([gs.create_node("e"), gs.create_node("c")])
    with pytest.raises(ValueError, match="a node 'f' already"):
        made.add([gs.create_node("f"), gs.create_node("f")])
    assert [n.name for n in made] == ["a", "b", "c", "d"]


def test_connect_and_disconnect() -> None:
    made = graph("a; b; y=Y(b:1,^b)")
    made.connect("a", "y")
    made.connect(made["a"], made["y"])
    assert made["y"].input == ["b:1", "^b", "a"]
    with pytest.raises(ValueError, match="reads a already"):
        made.connect("a", "y", error_if_connected=True)
    made.disconnect("b", "y")
    assert made["y"].input == ["^b", "a"]
    made.disconnect("b", "y")
    made.disconnect("b", "y")
    assert made["y"].input == ["a"]
    with pytest.raises(ValueError, match="does not read b"):
        made.disconnect("b", "y", error_if_not_connected=True)
    with pytest.raises(KeyError):
        made.connect("z", "y")


def test_sort() -> None:
    made = graph("a; b; c; y=Y(a,b,c); z=Z(a,a,b:1)")
    made.sort("y", ["c", "a"])
    assert made["y"].input == ["c", "a", "b"]
    made.sort(made["z"], ["b:1"])
    assert made["z"].input == ["b:1", "a", "a"]
    with pytest.raises(ValueError, match="no input 'c'"):
        made.sort("z", ["c"])
    made.sort("z", ["c"], error_if_not_found=False)
    assert made["z"].input == ["c", "b:1", "a", "a"]


DILATED = (
    "x; bs=Const; pads=Const; crops=Const; w=Const; s=SpaceToBatchND(x,bs,pads); c=Conv2D(s,w); "
    "b=BatchToSpaceND(c,bs,crops); o=O(b)"
)


def test_dilated_convolutions() -> None:
    made = graph(DILATED)
    gs.extras.process_dilated_conv(made)
    kept = "x; bs=Const(); pads=Const(); crops=Const(); w=Const(); c=Conv2D(x,bs,pads,crops,w); o=O(c)"
    assert text(made) == kept
    other = graph(DILATED.replace("b=Batch", "bs2=Const; b=Batch").replace("c,bs,crops", "c,bs2,crops"))
    gs.extras.process_dilated_conv(other)
    assert text(other) == kept


def test_softmax_of_more_than_two_dimensions() -> None:
    made = graph(
        "x; rank=Rank(x); one=Const; last=Sub(rank,one); begin=Pack(last); shape=Shape(x); size=Const; "
        "inner=Slice(shape,begin,size); outer=Const; axis=Const; flat=ConcatV2(outer,inner,axis); two=Reshape(x,flat); "
        "p=Softmax(two); shape2=Shape(x); y=Reshape(p,shape2); o=O(y)"
    )
    gs.extras.process_softmax(made)
    assert text(made) == "x; axis=Const(); p=Softmax(x,axis); o=O(p)"
