"""A predictor as an ONNX file, checked by running it."""
