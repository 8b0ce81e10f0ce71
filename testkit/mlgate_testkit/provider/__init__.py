"""What a simulated provider is: plain values, one method per request of the engine, the gRPC service around them, and its process."""
