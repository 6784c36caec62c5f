r"""Loggers: the metrics of a training on Weights & Biases or MLflow.

    tsm train --data=DATA --to=PRESET \
        --callbacks=tsm_keras.training.loggers:wandb

Each function starts a run of the service and returns the service's own callback
for Keras. Environment variables of the service, such as `WANDB_PROJECT`,
`WANDB_MODE=offline` or `MLFLOW_TRACKING_URI`, say where the run goes.
"""

from tensorflow import keras


def wandb() -> keras.callbacks.Callback:
    """Returns a callback that logs to Weights & Biases.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import wandb as service
        from wandb.integration.keras import WandbMetricsLogger
    except ImportError as error:
        raise _missing("Weights & Biases", "wandb") from error
    service.init()
    return WandbMetricsLogger()


def mlflow() -> keras.callbacks.Callback:
    """Returns a callback that logs to MLflow.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import mlflow as service
        from mlflow.tensorflow import MlflowCallback
    except ImportError as error:
        raise _missing("MLflow", "mlflow") from error
    service.start_run()
    return MlflowCallback()


def _missing(name, extra):
    return ImportError(
        f'{name} is not installed: pip install "tsm-keras[{extra}]"'
    )
