"""require_onnx: checks that the packages of the extra `onnx` are installed."""


def require_onnx() -> None:
    """Imports the packages that the export to ONNX needs.

    Raises:
        ImportError: If a package is missing; names the command to install it.
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
