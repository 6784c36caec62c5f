PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
# A file's tests share what takes long to make, so they stay together; files in
# their order, as those with few tests, which xdist would take last, take longest.
PYTEST = $(BIN)/python -m pytest --numprocesses=2 --dist=loadfile \
  --no-loadscope-reorder

# What a model goes through must hold in tf_keras too; the rest knows Keras 3,
# or files in which no Keras is left. The first ones fail first if the two differ.
TF_KERAS_FIRST = $(addprefix tests/tsm_keras/, layers \
  training/optimization/test_optimizer.py models/test_streaming.py \
  models/test_presets.py)
# The file that takes longest comes first: at the end, it would have one process.
TF_KERAS_REST = $(addprefix tests/tsm_export/, tflite/test_int8_qat.py \
  tflite/test_export.py tflite/test_kinds.py onnx/test_export.py) \
  $(addprefix --ignore=, $(filter %.py, $(TF_KERAS_FIRST))) \
  tests/tsm_keras/models \
  tests/tsm_keras/training/objectives/test_distillation.py
TF_KERAS_PYTEST = TF_USE_LEGACY_KERAS=1 $(PYTEST)

# PyTorch is for tests only: its CPU build, without gigabytes for GPUs.
TORCH = --retries=0 torch==2.13.0 --extra-index-url https://download.pytorch.org/whl/cpu

# The modules are compiled once, and not by each process that a test starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test slow-test

quickstart: $(INSTALLED)
	$(BIN)/tsm quickstart $(ARGS)

# A quarter of an hour at most, so that it is run; .ci/run runs the others too.
test: $(INSTALLED)
	$(PYTEST) -m "not slow" $(ARGS)
	$(TF_KERAS_PYTEST) -m "not slow" $(ARGS) $(TF_KERAS_FIRST)

# With tf_keras, only those tests may be slow that need it, and the streams of the
# backbones that no fast test has: the others repeat with large networks what fast
# ones say about small ones. These streams are in one file, which two processes
# share.
slow-test: $(INSTALLED)
	$(PYTEST) -m slow $(ARGS)
	$(TF_KERAS_PYTEST) -m slow -k in_float64 --dist=load $(ARGS) \
	  $(TF_KERAS_FIRST)
	$(TF_KERAS_PYTEST) -m "not slow or tf_keras_only" $(ARGS) $(TF_KERAS_REST)

$(INSTALLED): pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[dev]"
	touch $@
