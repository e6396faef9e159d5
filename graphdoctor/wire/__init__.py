"""The wire: protobuf messages and everything that is known about their bytes.

``schema`` builds message classes from the tables in ``messages_table``; ``tensorflow`` reads and writes
GraphDef and SavedModel with them; ``tensors`` holds constants undecoded; ``attrs`` turns AttrValue into
Python values and back; ``uff`` is the format of TensorRT's old parser; ``scan`` reads the wire format itself, for
error messages and recognition.
"""
