"""require_onnx: the packages of the extra `onnx` are there, or are named."""


def require_onnx() -> None:
    """Imports what the export to ONNX needs.

    Raises:
        ImportError: If a package is missing, with the line that mends this.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"ONNX files need a package that is missing here ({error}): "
            'pip install "tsm-keras[onnx]"'
        ) from error
