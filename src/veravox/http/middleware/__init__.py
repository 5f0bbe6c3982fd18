"""Pure ASGI middleware, outermost first: stamp, early close, problems, gate."""
