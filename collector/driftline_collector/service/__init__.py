"""The two gRPC servers and what stands behind their methods."""
