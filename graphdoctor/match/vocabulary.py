"""The closed vocabulary of ``[[where]]`` in ``rules/checks``: every named predicate.

Each is a record whose fields are its arguments and whose ``test`` gives a three-valued answer with its reason. A new
predicate is a new class in one of these modules; unknown names and arguments are refused when rules are read.
"""

from __future__ import annotations

from graphdoctor.match.offers import IsOutput, OnlyCast, ShapeWritable
from graphdoctor.match.onnx_limits import (
    KeepsBeyond,
    LimitNames,
    NegativeIndex,
    PadsBeyond,
    SumsInPart,
    SuppressesAmong,
    TargetLacksOnnx,
)
from graphdoctor.match.predicate import Predicate
from graphdoctor.match.predicates import (
    AttrBetween,
    AttrEquals,
    AttrStarts,
    BatchAbove,
    BatchOpen,
    ConstantOperand,
    DimensionUnknown,
    DtypeIn,
    FoldsToConstant,
    InputBetween,
    InputConstant,
    InputFolds,
    InputFrom,
    InScope,
    IsLearningPhase,
    IsPadBefore,
    OnlyFirstOutput,
    OpIn,
    RankIn,
    RankUnknown,
    SameShapes,
    TargetLacksDtype,
    TargetLacksOp,
)
from graphdoctor.match.tftrt import ConstantBatchAbove, InputsBelow, SplitsBatch
from graphdoctor.match.uff_batch import (
    AxesHoldBatch,
    InputWithoutDimensions,
    MovesBatch,
    ReachesOutput,
    ReshapesBatch,
    ShapeComputed,
    ShapeFolds,
    SlicesBatch,
)
from graphdoctor.match.uff_constants import (
    ConstantBecomesEmpty,
    ConstantStoredInPart,
    IdentityBecomesLayer,
    IdentityCanGo,
    InputDimensionBetween,
    InputToldAtSource,
)
from graphdoctor.match.uff_layout import (
    ArgOffChannels,
    DeconvolutionUneven,
    FlattenReorders,
    PadLost,
    SoftmaxOffChannels,
    TransposesInput,
)
from graphdoctor.match.uff_rank import (
    BroadcastNotTaken,
    ConstantWithBatch,
    EngineRankBelow,
    NormalisesInput,
    ReadsKeptDimensions,
)
from graphdoctor.match.uff_window import ComputesIntegers, GroupedConvolution, PoolsOffImage

AnyPredicate = (
    ArgOffChannels
    | AttrBetween
    | AttrEquals
    | AttrStarts
    | AxesHoldBatch
    | BatchAbove
    | BatchOpen
    | ComputesIntegers
    | BroadcastNotTaken
    | ConstantBatchAbove
    | ConstantBecomesEmpty
    | ConstantOperand
    | ConstantStoredInPart
    | ConstantWithBatch
    | DeconvolutionUneven
    | DimensionUnknown
    | DtypeIn
    | EngineRankBelow
    | FlattenReorders
    | FoldsToConstant
    | GroupedConvolution
    | IdentityBecomesLayer
    | IdentityCanGo
    | InScope
    | InputBetween
    | InputConstant
    | InputDimensionBetween
    | InputFolds
    | InputFrom
    | InputToldAtSource
    | InputWithoutDimensions
    | InputsBelow
    | IsLearningPhase
    | IsOutput
    | IsPadBefore
    | KeepsBeyond
    | LimitNames
    | MovesBatch
    | NegativeIndex
    | NormalisesInput
    | OnlyCast
    | OnlyFirstOutput
    | OpIn
    | PadLost
    | PadsBeyond
    | PoolsOffImage
    | RankIn
    | RankUnknown
    | ReachesOutput
    | ReadsKeptDimensions
    | ReshapesBatch
    | SameShapes
    | ShapeComputed
    | ShapeFolds
    | ShapeWritable
    | SlicesBatch
    | SoftmaxOffChannels
    | SplitsBatch
    | SumsInPart
    | SuppressesAmong
    | TargetLacksDtype
    | TargetLacksOnnx
    | TargetLacksOp
    | TransposesInput
)


def predicate_classes() -> dict[str, type[Predicate]]:
    """Every predicate by the name that rules use."""
    return {str(c.__struct_config__.tag): c for c in AnyPredicate.__args__}
