"""Networks that compute in float what their int8 artifact will give."""
