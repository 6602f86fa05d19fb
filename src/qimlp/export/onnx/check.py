"""Run an ONNX model as a user will, before it is put in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.export.runnable.probe import Probe


def run_model(content: bytes, tried: Probe) -> dict[str, NDArray[Any]]:
    """Check a model by the rules of ONNX, and run it in ONNX Runtime.

    Args:
        content: The file.
        tried: The rows.

    Returns:
        Its outputs by name.

    Raises:
        ValueError: If it breaks a rule, or ONNX Runtime does not take it.
    """
    import onnx  # noqa: PLC0415 - optional
    import onnxruntime  # noqa: PLC0415

    try:
        onnx.checker.check_model(content, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise _refused("a file that breaks ONNX's rules", error) from None
    except RuntimeError as error:  # what its own errors are of
        raise _refused("a file that ONNX Runtime does not take", error) from None
    inputs = dict(tried.inputs)
    if tried.texts is not None:
        inputs["categories"] = tried.texts
    wanted = {each.name: inputs[each.name] for each in session.get_inputs()}
    names = [each.name for each in session.get_outputs()]
    found = session.run(names, wanted)
    return {name: np.asarray(values) for name, values in zip(names, found, strict=True)}


def _refused(what: str, error: Exception) -> ValueError:
    line = str(error).strip().partition("\n")[0][:200]
    return ValueError(f"torch's exporter made {what} ({line}); nothing was written")
