"""Scripts in the manner of those that people wrote for graphsurgeon, run as a user's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdoctor.graphsurgeon as gs
from graphdoctor.flows.opening import SignatureOptions
from graphdoctor.flows.scripted import run_over
from graphdoctor.graphsurgeon.index import base_name
from graphdoctor.ir import broken_invariants
from graphdoctor.runners import preprocess
from tests.graphsurgeon.notation import graph, text

SCRIPTS = Path(__file__).parent / "scripts"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "pb"

SSD = """
image_tensor; ToFloat=Cast(image_tensor); Preprocessor/map/k=Const; Preprocessor/sub=Sub(ToFloat,Preprocessor/map/k);
w=Const; FeatureExtractor/Conv=Conv2D(Preprocessor/sub,w); FeatureExtractor/id=Identity(FeatureExtractor/Conv);
guard/eq=Equal(FeatureExtractor/Conv,w); guard/Assert=Assert(guard/eq);
BoxPredictor_0/Reshape=Reshape(FeatureExtractor/id); BoxPredictor_0/Reshape_1=Reshape(FeatureExtractor/id);
BoxPredictor_1/Reshape=Reshape(FeatureExtractor/id); BoxPredictor_1/Reshape_1=Reshape(FeatureExtractor/id);
MultipleGridAnchorGenerator/Shape=Shape(FeatureExtractor/id);
MultipleGridAnchorGenerator/Identity=Identity(MultipleGridAnchorGenerator/Shape);
{anchors}=ConcatV2(MultipleGridAnchorGenerator/Identity);
concat/axis=Const; concat=ConcatV2(BoxPredictor_0/Reshape,BoxPredictor_1/Reshape,concat/axis);
concat_1/axis=Const; concat_1=ConcatV2(BoxPredictor_0/Reshape_1,BoxPredictor_1/Reshape_1,concat_1/axis);
Squeeze=Squeeze(concat); Postprocessor/shape=Shape(Preprocessor/sub);
Postprocessor/decode=Mul(Squeeze,{anchors},Postprocessor/shape); Postprocessor/nms=NonMaxSuppressionV3(concat_1);
{outputs}
"""
HEADS = "concat_box_loc=FlattenConcat_TRT(BoxPredictor_0/Reshape,BoxPredictor_1/Reshape); "
HEADS += "concat_box_conf=FlattenConcat_TRT(BoxPredictor_0/Reshape_1,BoxPredictor_1/Reshape_1)"
IDENTITIES = "detection_boxes=Identity(Postprocessor/decode); detection_scores=Identity(Postprocessor/nms)"
ADDED = f"{IDENTITIES}; add/y=Const; add=Add(Postprocessor/nms,add/y); detection_classes=Identity(add)"
BODY = "w=Const(); FeatureExtractor/Conv=Conv2D(Input,w); "
BODY += "; ".join(f"BoxPredictor_{i}/Reshape{s}=Reshape(FeatureExtractor/Conv)" for i in (0, 1) for s in ("", "_1"))
FIRST = "MultipleGridAnchorGenerator/Concatenate/concat"
V1 = f"{BODY}; Input; GridAnchor=GridAnchor_TRT(Input); concat_priorbox=ConcatV2(GridAnchor); {HEADS}; "
V1 += "NMS=NMS_TRT(concat_box_loc,concat_priorbox,concat_box_conf)"
V2 = f"{BODY}; Input; GridAnchor=GridAnchor_TRT(Input); {HEADS}; "
V2 += "NMS=NMS_TRT(concat_box_conf,concat_box_loc,concat_priorbox); concat_priorbox/axis=Const(); "
V2 += "concat_priorbox=ConcatV2(GridAnchor,concat_priorbox/axis)"
WITH_IDENTITY = (
    "Input,w); FeatureExtractor/id=Identity(FeatureExtractor/Conv); guard/eq=Equal(FeatureExtractor/Conv,w);"
)
INCEPTION = BODY.replace("Reshape(FeatureExtractor/Conv)", "Reshape(FeatureExtractor/id)")
INCEPTION = INCEPTION.replace("Input,w);", WITH_IDENTITY)
INCEPTION += "; Squeeze=Squeeze(concat_box_loc); PriorBox=GridAnchor_TRT(Input,FeatureExtractor/id); "
INCEPTION += f"NMS=NMS_TRT(Squeeze,concat_priorbox,concat_box_conf); Input; concat_priorbox=ConcatV2(PriorBox); {HEADS}"


def ssd(anchors: str, outputs: str) -> str:
    return " ".join(SSD.format(anchors=anchors, outputs=outputs).split())


RESIZES = """x; up1/size=Const; up1/resize=ResizeNearestNeighbor(x,up1/size); c=Conv2D(up1/resize,k); k=Const;
up2/size=Const; up2/resize=ResizeNearestNeighbor(c,up2/size); y=Concat(up2/resize,x)"""
DILATED = """x; bs=Const; pads=Const; b/crops=Const; w=Const; s=SpaceToBatchND(x,bs,pads); c=Conv2D(s,w);
b=BatchToSpaceND(c,bs,b/crops); rank=Rank(b); one=Const; last=Sub(rank,one); begin=Pack(last); shape=Shape(b);
size=Const;
inner=Slice(shape,begin,size); outer=Const; axis=Const; flat=ConcatV2(outer,inner,axis); two=Reshape(b,flat);
p=Softmax(two); shape2=Shape(b); y=Reshape(p,shape2); o=O(y)"""
MASK = """img; input_image=Identity(img); pad=Pad(input_image); fpn_p2=Conv2D(pad); fpn_p3=Conv2D(fpn_p2);
fpn_p4=Conv2D(fpn_p3); fpn_p5=Conv2D(fpn_p4); rpn_class=Softmax(fpn_p5); rpn_bbox=Conv2D(fpn_p5);
anchors=Const; ROI/top=TopKV2(rpn_class,rpn_bbox); ROI/nms=NonMaxSuppressionV2(ROI/top,anchors);
roi_align_classifier/a=Shape(fpn_p5);
roi_align_classifier/b=CropAndResize(fpn_p2,fpn_p3,fpn_p4,fpn_p5,ROI/nms,roi_align_classifier/a);
mrcnn_class_conv1/Reshape/shape=Const;
mrcnn_class_conv1/Reshape=Reshape(roi_align_classifier/b,mrcnn_class_conv1/Reshape/shape);
mrcnn_class_conv1/Conv2D=Conv2D(mrcnn_class_conv1/Reshape); mrcnn_class_conv1/Reshape_1/shape=Const;
mrcnn_class_conv1/Reshape_1=Reshape(mrcnn_class_conv1/Conv2D,mrcnn_class_conv1/Reshape_1/shape);
mrcnn_class=Softmax(mrcnn_class_conv1/Reshape_1); mrcnn_detection/stack=Pack(ROI/nms,mrcnn_class,input_image);
mrcnn_detection_bboxes/slice=StridedSlice(mrcnn_detection/stack);
roi_align_mask/crop=CropAndResize(mrcnn_detection_bboxes/slice,fpn_p2,fpn_p3,fpn_p4,fpn_p5);
mrcnn_mask_conv1/Reshape/shape=Const;
mrcnn_mask_conv1/Reshape=Reshape(roi_align_mask/crop,mrcnn_mask_conv1/Reshape/shape);
mrcnn_mask_conv1/Conv2D=Conv2D(mrcnn_mask_conv1/Reshape); mrcnn_mask=Sigmoid(mrcnn_mask_conv1/Conv2D)"""
MASKED = """img; pad=Pad(input_image); fpn_p2=Conv2D(pad); fpn_p3=Conv2D(fpn_p2); fpn_p4=Conv2D(fpn_p3);
fpn_p5=Conv2D(fpn_p4); rpn_class=Softmax(fpn_p5); rpn_bbox=Conv2D(fpn_p5); anchors=Const();
mrcnn_class_conv1/Conv2D=Conv2D(roi_align_classifier); mrcnn_class=Softmax(mrcnn_class_conv1/Conv2D);
mrcnn_mask_conv1/Conv2D=Conv2D(roi_align_mask); mrcnn_mask=Sigmoid(mrcnn_mask_conv1/Conv2D);
input_image; ROI=ProposalLayer_TRT(rpn_class,rpn_bbox,anchors);
roi_align_classifier=PyramidROIAlign_TRT(fpn_p2,fpn_p3,fpn_p4,fpn_p5,ROI);
roi_align_mask=PyramidROIAlign_TRT(fpn_p2,fpn_p3,fpn_p4,fpn_p5,mrcnn_detection_bboxes);
mrcnn_detection=DetectionLayer_TRT(ROI,mrcnn_class); mrcnn_detection_bboxes=SpecialSlice_TRT(mrcnn_detection)"""
FASTER = """x; conv=Conv2D(x); rpn_c=Sigmoid(conv); rpn_b=Conv2D(conv); proposal/topk=TopKV2(rpn_c,rpn_b);
proposal/nms=NonMaxSuppressionV3(proposal/topk); roi_pooling_conv_1/n=Shape(proposal/nms);
roi_pooling_conv_1/crop=CropAndResize(conv,proposal/nms,roi_pooling_conv_1/n); flat/shape=Const;
flat=Reshape(roi_pooling_conv_1/crop,flat/shape); k=Const; fc=MatMul(flat,k); dropout_1/keep=Const;
dropout_1/mul=Mul(dropout_1/noise,dropout_1/keep); dropout_1/noise=RandomUniform(dropout_1/keep);
dropout_1/mul_1=Mul(fc,dropout_1/mul); out=Softmax(dropout_1/mul_1)"""
FASTERED = """x; conv=Conv2D(x); rpn_c=Sigmoid(conv); rpn_b=Conv2D(conv);
dense_flatten=Flatten(roi_pooling_conv_1/CropAndResize_new); k=Const(); fc=MatMul(dense_flatten,k); out=Softmax(fc);
proposal=Proposal(rpn_c,rpn_b); roi_pooling_conv_1/CropAndResize_new=CropAndResize(proposal,conv)"""
CUSTOM = """x; net/norm/a=Mul(x,x); net/norm/b=Add(net/norm/a,x); net/head/bias=Const;
net/head/mm=MatMul(net/norm/b,net/head/bias);
net/head/attention/q=MatMul(net/head/mm); net/head/attention/k=MatMul(net/head/mm);
net/head/attention/out=Softmax(net/head/attention/q,net/head/attention/k);
net/head/sum=Add(net/head/attention/out,net/norm/b); net/header=Relu(net/head/sum);
y=Concat(net/header,net/head/attention/out)"""
CUSTOMIZED = """x; net/head/bias=Const(); net/header=Relu(Head); y=Concat(net/header,Attention);
Head=Head_TRT(Norm,net/head/bias,Attention); Attention=Attention_TRT(Head); Norm=Norm_TRT(x,x,x)"""
CLEAN = """x; s=StopGradient(x); i=Identity(s); a=Relu(i,^g); g=NoOp(^e); e=Identity(p); p=Print(i); eq=Equal(x,k);
k=Const;
t=Assert(eq,^i); n=CheckNumerics(a); n2=Identity(n); net/dropout=Mul(n2,r); r=RandomUniform(sh); sh=Const;
w=Const; y=MatMul(net/dropout,w); z=Add(y,n2,^t)"""

DILATED_TO = "x; bs=Const(); pads=Const(); b/crops=Const(); w=Const(); c=Conv2D(x,bs,pads,b/crops,w); axis=Const(); "
DILATED_TO += "p=Softmax(c,axis); o=O(p)"
CLEANED = "x; a=Relu(x); w=Const(); y=MatMul(a,w); z=Add(y,a)"
SWAPPED = "conv=Conv2D(data,w); w=Const(); side=Pad(data); y=Concat(conv,side); data"
SWAP = (
    "image; c=Cast(image); perm=Const; t=Transpose(c,perm); conv=Conv2D(t,w); w=Const; side=Pad(t); y=Concat(conv,side)"
)

CASES = [
    ("ssd_mobilenet_v1", ssd(FIRST, IDENTITIES), V1),
    ("ssd_mobilenet_v1", ssd(FIRST, ADDED), V1.replace("Input; ", "add/y=Const(); Input; ", 1)),
    ("ssd_mobilenet_v2", ssd("Concatenate/concat", IDENTITIES), V2),
    ("ssd_mobilenet_v2", ssd("Concatenate/concat", ADDED), V2.replace("Input; ", "add/y=Const(); Input; ", 1)),
    ("ssd_inception_v2", ssd(FIRST, IDENTITIES), INCEPTION),
    ("mask_rcnn", MASK, MASKED),
    ("faster_rcnn", FASTER, FASTERED),
    ("custom_namespaces", CUSTOM, CUSTOMIZED),
    ("dilated_conv", DILATED, DILATED_TO),
    ("nchw_input", SWAP, SWAPPED),
    ("clean_up", CLEAN, CLEANED),
]


def run(name: str, before: gs.DynamicGraph) -> tuple[gs.DynamicGraph, str]:
    """The graph that the script ``name`` leaves, and what it says."""
    after, said = preprocess(before.as_graph_def().SerializeToString(), str(SCRIPTS / f"{name}.py"))
    return gs.DynamicGraph(gs.GraphDef.FromString(after)), said


@pytest.mark.parametrize(("name", "before", "after"), CASES, ids=[name for name, _, _ in CASES])
def test_script(name: str, before: str, after: str) -> None:
    left, _ = run(name, graph(" ".join(before.split())))
    assert text(left).split("; ") == " ".join(after.split()).split("; ")


def test_every_script_is_run() -> None:
    assert {name for name, _, _ in CASES} | OTHERS == {path.stem for path in SCRIPTS.glob("*.py")}
    assert len(list(SCRIPTS.glob("*.py"))) == 12


OTHERS = {"unet_resize", "leaky_relu", "old_op_names"}


def test_what_a_script_prints() -> None:
    assert run("dilated_conv", graph(" ".join(DILATED.split())))[1] == "1 convolutions, 1 of them dilated\n"


def test_fields_of_the_ssd_plugins() -> None:
    left, _ = run("ssd_mobilenet_v1", graph(ssd(FIRST, IDENTITIES)))
    nms, anchors, image = left["NMS"].attr, left["GridAnchor"].attr, left["Input"]
    assert (nms["numClasses_u_int"].i, nms["inputOrder_u_ilist"].list.i) == (91, [0, 2, 1])
    assert nms["nmsThreshold_u_float"].f == pytest.approx(0.6)
    assert anchors["aspectRatios_u_flist"].list.f == pytest.approx([1.0, 2.0, 0.5, 3.0, 0.33])
    assert (gs.shape(image), image.attr["dtype"].type, sorted(image.attr)) == ((1, 3, 300, 300), 1, ["dtype", "shape"])
    assert (left["concat_priorbox"].attr["axis"].i, left["concat_priorbox"].attr["dtype"].type) == (2, 1)
    left, _ = run("ssd_mobilenet_v2", graph(ssd("Concatenate/concat", IDENTITIES)))
    nms = left["NMS"].attr
    assert (nms["confSigmoid_u_int"].i, nms["scoreConverter_u_str"].s) == (1, b"SIGMOID")
    np.testing.assert_array_equal(gs.extract_numpy_array(left["concat_priorbox/axis"]), [2])


def test_unet_resize() -> None:
    before = graph(" ".join(RESIZES.split()))
    for name, size in (("up1", 16), ("up2", 32)):
        gs.update_node(before[f"{name}/size"], value=np.array([size, size], dtype=np.int32))
        gs.update_node(before[f"{name}/resize"], align_corners=False, T=np.float32)
    left, _ = run("unet_resize", before)
    plugins = left.find_nodes_by_op("ResizeNearest_TRT")
    assert text(left) == (
        "x; up1/resize=ResizeNearest_TRT(x); c=Conv2D(up1/resize,k); k=Const(); up2/resize=ResizeNearest_TRT(c); "
        "y=Concat(up2/resize,x)"
    )
    assert [(list(p.attr), p.attr["scale_u_float"].f) for p in plugins] == [(["scale_u_float"], 2.0)] * 2


def test_leaky_relu() -> None:
    before = graph(
        "x; l=LeakyRelu(x); act/alpha=Const; act/mul=Mul(act/alpha,l); act/max=Maximum(act/mul,l); "
        "b/alpha=Const; b/mul=Mul(b/alpha,act/max); b/max=Maximum(b/mul,act/max); y=Relu(b/max)"
    )
    gs.update_node(before["l"], alpha=0.25, T=np.float32)
    for name, alpha in (("act", 0.5), ("b", 0.125)):
        gs.update_node(before[f"{name}/alpha"], value=np.array(alpha, dtype=np.float32))
    left, _ = run("leaky_relu", before)
    assert text(left) == "x; l=LReLU_TRT(x); y=Relu(lrelu_2); lrelu_1=LReLU_TRT(l); lrelu_2=LReLU_TRT(lrelu_1)"
    slopes = {n.name: n.attr["negSlope_u_float"].f for n in left.find_nodes_by_op("LReLU_TRT")}
    assert slopes == {"l": 0.25, "lrelu_1": 0.5, "lrelu_2": 0.125}


def test_old_op_names() -> None:
    before = graph("x; k=Const; a=AddV2(x,k); bn=FusedBatchNormV3(a,k,k,k,k); m=BatchMatMulV2(bn,k); r=Relu(m)")
    gs.update_node(before["bn"], U=np.float32, T=np.float32, epsilon=0.001)
    gs.update_node(before["k"], value=np.ones(3, dtype=np.float32))
    del before["k"].attr["dtype"]
    left, _ = run("old_op_names", before)
    assert [n.op for n in left] == ["Placeholder", "Const", "Add", "FusedBatchNorm", "BatchMatMul", "Relu"]
    assert sorted(left["bn"].attr) == ["T", "epsilon"]
    assert left["k"].attr["dtype"].type == 1


SSDS = [
    ("ssd_mobilenet_v1", "od_ssd_mobilenet_v1_coco_2018"),
    ("ssd_mobilenet_v1", "od_ssd_mobilenet_v1_checkpoint"),
    ("ssd_mobilenet_v1", "od_ssd_mobilenet_v1_buoy"),
    ("ssd_mobilenet_v2", "od_ssd_mobilenet_v2_tofloat_nms3"),
    ("ssd_mobilenet_v2", "od_ssd_mobilenet_v2_tf115_cast_nms5"),
]


@pytest.mark.parametrize(("script", "model"), SSDS)
def test_real_ssd(script: str, model: str) -> None:
    """The plugin graph: one input, one output, the network of six heads between them, nothing of the rest."""
    path = CORPUS / f"{model}.pb"
    if not path.is_file():
        pytest.skip(f"{path.name} is not on this machine")
    opened = run_over(str(path), str(SCRIPTS / f"{script}.py"), SignatureOptions(), timeout=600).opened
    assert broken_invariants(opened.graph) == []
    left, _ = run(script, gs.DynamicGraph(str(path)))
    assert [n.name for n in left.graph_outputs] == ["NMS"]
    assert [n.name for n in left.graph_inputs] == ["Input"]
    assert sorted(left["NMS"].input) == ["concat_box_conf", "concat_box_loc", "concat_priorbox"]
    for name in ("concat_box_loc", "concat_box_conf"):
        heads = {base_name(i) for i in left[name].input}
        assert len(heads) == 6
        assert all(h.startswith(("BoxPredictor_", "Squeeze")) for h in heads), heads
    assert not {n.op for n in left} & {"Identity", "Assert", "Cast", "Where", "Gather", "Enter", "NonMaxSuppressionV3"}
    tops = {n.name.partition("/")[0] for n in left}
    assert not tops & {"Preprocessor", "Postprocessor", "MultipleGridAnchorGenerator", "ToFloat", "image_tensor"}
