"""Empty calls of the sidecar's gRPC API, with its token: what the sidecar says to each, by method."""

import json
import os
import sys
from typing import Any

import grpc

METHODS = ("GetState", "GetSecret", "GetBulkSecret", "InvokeService", "PublishEvent", "GetMetadata", "InvokeActor")
channel: Any = grpc.insecure_channel(f"127.0.0.1:{os.environ['DAPR_GRPC_PORT']}")


def said(method: str) -> str:
    """To one of them."""
    call = channel.unary_unary(f"/dapr.proto.runtime.v1.Dapr/{method}")
    try:
        call(b"", metadata=(("dapr-api-token", os.environ["DAPR_API_TOKEN"]),), timeout=10)
    except grpc.RpcError as refusal:
        told: Any = refusal
        return f"{told.code().name} {told.details()}"
    return "OK"


sys.stdout.write(json.dumps({method: said(method) for method in METHODS}) + "\n")
