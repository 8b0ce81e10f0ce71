"""Serving on a CUDA GPU."""
