"""What no stack may hold, whatever its program says: rules over its resources, and the pack by which the engine asks them."""
