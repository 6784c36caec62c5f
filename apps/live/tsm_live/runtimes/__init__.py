"""The libraries that run networks: LiteRT and ONNX Runtime."""
