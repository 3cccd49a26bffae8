"""Trains one model from one spec; speaks only through ``emit``. Needs torch, numpy and safetensors."""
