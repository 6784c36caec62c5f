PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
# A file's tests share what takes long to make, so they stay together; files in
# their order, as those with few tests, which xdist would take last, take longest.
PYTEST = $(BIN)/python -m pytest --numprocesses=2 --dist=loadfile \
  --no-loadscope-reorder

# What a model goes through must hold in tf_keras too; the rest knows Keras 3,
# or files in which no Keras is left. The fast tests are those of the parts in
# which the two are most likely to differ.
TF_KERAS = $(addprefix tests/tsm_keras/, layers \
  training/optimization/test_optimizer.py models/test_streaming.py \
  models/test_presets.py)
TF_KERAS_MARKS = not slow
ifdef SLOW
TF_KERAS_MARKS = not slow or tf_keras_only or tf_keras_too
# The file that takes longest comes first: at the end, it would have one process.
TF_KERAS = $(addprefix tests/tsm_export/, tflite/test_int8_qat.py \
  tflite/test_export.py tflite/test_kinds.py onnx/test_export.py) \
  $(addprefix tests/tsm_keras/, models layers \
  training/optimization/test_optimizer.py \
  training/objectives/test_distillation.py)
endif

# PyTorch is for tests only: its CPU build, without gigabytes for GPUs.
TORCH = --retries=0 torch==2.13.0 --extra-index-url https://download.pytorch.org/whl/cpu

# The modules are compiled once, and not by each process that a test starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test

quickstart: $(INSTALLED)
	$(BIN)/tsm quickstart $(ARGS)

# The fast tests take a quarter of an hour at most, so that they are run. With
# SLOW=1, as in .ci/run, all tests run. With tf_keras, only those tests may be slow
# that say so: the others repeat with large networks what fast ones say about small
# ones.
test: $(INSTALLED)
	$(PYTEST) -m "not slow" $(ARGS)
	$(if $(SLOW),$(PYTEST) -m slow $(ARGS))
	TF_USE_LEGACY_KERAS=1 $(PYTEST) -m "$(TF_KERAS_MARKS)" $(ARGS) $(TF_KERAS)

$(INSTALLED): pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[dev]"
	touch $@
