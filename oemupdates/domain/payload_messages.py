"""The protobuf messages of Flatcar's update payloads, with the fields that matter here.

Field numbers and types are update_engine's (`update_metadata.proto`); an unknown field is kept
unread, as protobuf has it.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_BYTES = FieldDescriptorProto.TYPE_BYTES
_MESSAGE = FieldDescriptorProto.TYPE_MESSAGE
_UINT32 = FieldDescriptorProto.TYPE_UINT32
_UINT64 = FieldDescriptorProto.TYPE_UINT64
_ONE = FieldDescriptorProto.LABEL_OPTIONAL
_MANY = FieldDescriptorProto.LABEL_REPEATED

# What an operation does; an enumeration there, read as its number here.
REPLACE, REPLACE_BZ, MOVE = 0, 1, 2

# Each field by its number: name, label, type or the message that it holds.
_MESSAGES: dict[str, dict[int, tuple[str, Any, Any]]] = {
    "Extent": {1: ("start_block", _ONE, _UINT64), 2: ("num_blocks", _ONE, _UINT64)},
    "Operation": {
        1: ("type", _ONE, _UINT32),
        2: ("data_offset", _ONE, _UINT32),
        3: ("data_length", _ONE, _UINT32),
        6: ("dst_extents", _MANY, "Extent"),
        8: ("data_sha256_hash", _ONE, _BYTES),
    },
    "Info": {1: ("size", _ONE, _UINT64), 2: ("hash", _ONE, _BYTES)},
    "Procedure": {2: ("operations", _MANY, "Operation"), 4: ("new_info", _ONE, "Info")},
    "Manifest": {
        1: ("partition_operations", _MANY, "Operation"),
        3: ("block_size", _ONE, _UINT32),
        4: ("signatures_offset", _ONE, _UINT64),
        5: ("signatures_size", _ONE, _UINT64),
        9: ("new_partition_info", _ONE, "Info"),
        10: ("procedures", _MANY, "Procedure"),
    },
    "Signature": {1: ("version", _ONE, _UINT32), 2: ("data", _ONE, _BYTES)},
    "Signatures": {1: ("signatures", _MANY, "Signature")},
}


def _pool() -> DescriptorPool:
    file = FileDescriptorProto(name="payload.proto", package="payload", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, label, kind) in fields.items():
            described = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                described.type, described.type_name = _MESSAGE, f".payload.{kind}"
            else:
                described.type = kind
    pool = DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _pool()
Manifest: Any = GetMessageClass(_POOL.FindMessageTypeByName("payload.Manifest"))
Signatures: Any = GetMessageClass(_POOL.FindMessageTypeByName("payload.Signatures"))
