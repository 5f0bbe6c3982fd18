"""Live calls over gRPC and WebSocket: what each protocol says, over one kind of stream."""
