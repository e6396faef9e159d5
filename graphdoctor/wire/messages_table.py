"""TensorFlow's public messages as a table: the field numbers of tensorflow/core/framework and core/protobuf.

One message per block: its name, then ``number name type [/oneof]`` per field. ``*`` repeats, ``map<K,V>`` is
a map, ``~T`` is a message that the lazy variant leaves undecoded as bytes, ``bytes`` may stand for a message
that nobody here reads. A dotted name is nested. ``tests/wire/test_schema.py`` compares it with TensorFlow's.
"""

from __future__ import annotations

GRAPH = """
GraphDef
    1 node *NodeDef
    2 library FunctionDefLibrary
    3 version int32
    4 versions VersionDef
    5 debug_info ~GraphDebugInfo
NodeDef
    1 name string
    2 op string
    3 input *string
    4 device string
    5 attr map<string,AttrValue>
    6 experimental_debug_info NodeDef.ExperimentalDebugInfo
    7 experimental_type ~FullTypeDef
NodeDef.ExperimentalDebugInfo
    1 original_node_names *string
    2 original_func_names *string
AttrValue
    1 list AttrValue.ListValue /value
    2 s bytes /value
    3 i int64 /value
    4 f float /value
    5 b bool /value
    6 type DataType /value
    7 shape TensorShapeProto /value
    8 tensor ~TensorProto /value
    9 placeholder string /value
    10 func NameAttrList /value
AttrValue.ListValue
    2 s *bytes
    3 i *int64
    4 f *float
    5 b *bool
    6 type *DataType
    7 shape *TensorShapeProto
    8 tensor *~TensorProto
    9 func *NameAttrList
NameAttrList
    1 name string
    2 attr map<string,AttrValue>
TensorShapeProto
    2 dim *TensorShapeProto.Dim
    3 unknown_rank bool
TensorShapeProto.Dim
    1 size int64
    2 name string
VersionDef
    1 producer int32
    2 min_consumer int32
    3 bad_consumers *int32
FunctionDefLibrary
    1 function *FunctionDef
    2 gradient *GradientDef
    3 registered_gradients *RegisteredGradient
FunctionDef
    1 signature OpDef
    3 node_def *NodeDef
    4 ret map<string,string>
    5 attr map<string,AttrValue>
    6 control_ret map<string,string>
    7 arg_attr map<uint32,FunctionDef.ArgAttrs>
    8 resource_arg_unique_id map<uint32,uint32>
FunctionDef.ArgAttrs
    1 attr map<string,AttrValue>
GradientDef
    1 function_name string
    2 gradient_func string
RegisteredGradient
    1 gradient_func string
    2 registered_op_type string
OpDef
    1 name string
    2 input_arg *OpDef.ArgDef
    3 output_arg *OpDef.ArgDef
    4 attr *OpDef.AttrDef
    5 summary string
    6 description string
    8 deprecation OpDeprecation
    16 is_aggregate bool
    17 is_stateful bool
    18 is_commutative bool
    19 allows_uninitialized_input bool
    20 control_output *string
    21 is_distributed_communication bool
OpDef.ArgDef
    1 name string
    2 description string
    3 type DataType
    4 type_attr string
    5 number_attr string
    6 type_list_attr string
    7 handle_data *ResourceHandleProto.DtypeAndShape
    16 is_ref bool
    17 experimental_full_type ~FullTypeDef
OpDef.AttrDef
    1 name string
    2 type string
    3 default_value AttrValue
    4 description string
    5 has_minimum bool
    6 minimum int64
    7 allowed_values AttrValue
OpDeprecation
    1 version int32
    2 explanation string
ResourceHandleProto
    1 device string
    2 container string
    3 name string
    4 hash_code uint64
    5 maybe_type_name string
    6 dtypes_and_shapes *ResourceHandleProto.DtypeAndShape
ResourceHandleProto.DtypeAndShape
    1 dtype DataType
    2 shape TensorShapeProto
"""

TENSOR = """
TensorProto
    1 dtype DataType
    2 tensor_shape TensorShapeProto
    3 version_number int32
    4 tensor_content bytes
    5 float_val *float
    6 double_val *double
    7 int_val *int32
    8 string_val *bytes
    9 scomplex_val *float
    10 int64_val *int64
    11 bool_val *bool
    12 dcomplex_val *double
    13 half_val *int32
    14 resource_handle_val *ResourceHandleProto
    15 variant_val *VariantTensorDataProto
    16 uint32_val *uint32
    17 uint64_val *uint64
    18 float8_val bytes
VariantTensorDataProto
    1 type_name string
    2 metadata bytes
    3 tensors *TensorProto
FullTypeDef
    1 type_id FullTypeId
    2 args *FullTypeDef
    3 s string /attr
    4 i int64 /attr
GraphDebugInfo
    1 files *string
    2 traces map<string,GraphDebugInfo.StackTrace>
    4 frames_by_id map<fixed64,GraphDebugInfo.FileLineCol>
    5 name_to_trace_id map<string,fixed64>
    6 traces_by_id map<fixed64,GraphDebugInfo.StackTrace>
GraphDebugInfo.FileLineCol
    1 file_index int32
    2 line int32
    3 col int32
    4 func string
    5 code string
GraphDebugInfo.StackTrace
    1 file_line_cols *GraphDebugInfo.FileLineCol
    2 frame_id *fixed64
"""

SAVED_MODEL = """
SavedModel
    1 saved_model_schema_version int64
    2 meta_graphs *MetaGraphDef
MetaGraphDef
    1 meta_info_def MetaGraphDef.MetaInfoDef
    2 graph_def GraphDef
    3 saver_def SaverDef
    4 collection_def map<string,CollectionDef>
    5 signature_def map<string,SignatureDef>
    6 asset_file_def *AssetFileDef
    7 object_graph_def bytes
MetaGraphDef.MetaInfoDef
    1 meta_graph_version string
    2 stripped_op_list OpList
    3 any_info Any
    4 tags *string
    5 tensorflow_version string
    6 tensorflow_git_version string
    7 stripped_default_attrs bool
    8 function_aliases map<string,string>
OpList
    1 op *OpDef
Any
    1 type_url string
    2 value bytes
SaverDef
    1 filename_tensor_name string
    2 save_tensor_name string
    3 restore_op_name string
    4 max_to_keep int32
    5 sharded bool
    6 keep_checkpoint_every_n_hours float
    7 version SaverDef.CheckpointFormatVersion
CollectionDef
    1 node_list CollectionDef.NodeList /kind
    2 bytes_list CollectionDef.BytesList /kind
    3 int64_list CollectionDef.Int64List /kind
    4 float_list CollectionDef.FloatList /kind
    5 any_list CollectionDef.AnyList /kind
CollectionDef.NodeList
    1 value *string
CollectionDef.BytesList
    1 value *bytes
CollectionDef.Int64List
    1 value *int64
CollectionDef.FloatList
    1 value *float
CollectionDef.AnyList
    1 value *Any
SignatureDef
    1 inputs map<string,TensorInfo>
    2 outputs map<string,TensorInfo>
    3 method_name string
    4 defaults map<string,~TensorProto>
TensorInfo
    1 name string /encoding
    2 dtype DataType
    3 tensor_shape TensorShapeProto
    4 coo_sparse TensorInfo.CooSparse /encoding
    5 composite_tensor TensorInfo.CompositeTensor /encoding
TensorInfo.CooSparse
    1 values_tensor_name string
    2 indices_tensor_name string
    3 dense_shape_tensor_name string
TensorInfo.CompositeTensor
    1 type_spec bytes
    2 components *TensorInfo
AssetFileDef
    1 tensor_info TensorInfo
    2 filename string
"""

_TYPE_NAMES = (
    "FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16 QINT16 "
    "QUINT16 UINT16 COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64 FLOAT8_E5M2 FLOAT8_E4M3FN FLOAT8_E4M3FNUZ "
    "FLOAT8_E4M3B11FNUZ FLOAT8_E5M2FNUZ INT4 UINT4 INT2 UINT2 FLOAT4_E2M1FN"
)
_TYPES = _TYPE_NAMES.split()

DATA_TYPE = (
    {"DT_INVALID": 0}
    | {f"DT_{name}": i for i, name in enumerate(_TYPES, 1)}
    | {f"DT_{name}_REF": i for i, name in enumerate(_TYPES, 101)}
)

FULL_TYPE_ID = {
    "TFT_UNSET": 0,
    "TFT_VAR": 1,
    "TFT_ANY": 2,
    "TFT_PRODUCT": 3,
    "TFT_NAMED": 4,
    "TFT_FOR_EACH": 20,
    "TFT_CALLABLE": 100,
    "TFT_BOOL": 200,
    "TFT_UINT8": 201,
    "TFT_UINT16": 202,
    "TFT_UINT32": 203,
    "TFT_UINT64": 204,
    "TFT_INT8": 205,
    "TFT_INT16": 206,
    "TFT_INT32": 207,
    "TFT_INT64": 208,
    "TFT_HALF": 209,
    "TFT_FLOAT": 210,
    "TFT_DOUBLE": 211,
    "TFT_COMPLEX64": 212,
    "TFT_COMPLEX128": 213,
    "TFT_STRING": 214,
    "TFT_BFLOAT16": 215,
    "TFT_TENSOR": 1000,
    "TFT_ARRAY": 1001,
    "TFT_OPTIONAL": 1002,
    "TFT_LITERAL": 1003,
    "TFT_ENCODED": 1004,
    "TFT_SHAPE_TENSOR": 1005,
    "TFT_DATASET": 10102,
    "TFT_RAGGED": 10103,
    "TFT_ITERATOR": 10104,
    "TFT_MUTEX_LOCK": 10202,
    "TFT_LEGACY_VARIANT": 10203,
}

GRAPH_ENUMS = {"DataType": DATA_TYPE}
TENSOR_ENUMS = {"FullTypeId": FULL_TYPE_ID}
SAVED_MODEL_ENUMS = {"SaverDef.CheckpointFormatVersion": {"LEGACY": 0, "V1": 1, "V2": 2}}
