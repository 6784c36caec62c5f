"""The program that runs in the child process of an `IsolatedNetwork`.

    python -m tsm_live.runtimes.network_server

reads requests from stdin and writes answers to stdout.
"""

import os
import signal
import sys

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec_json import spec_from_json
from tsm_live.runtimes import pipes
from tsm_live.runtimes.dry_run import memory
from tsm_live.runtimes.open_network import open_here


def _serve(requests, answers):
    header = pipes.read_json(requests)
    spec = spec_from_json(header.pop("spec"))
    model = pipes.read(requests, header.pop("model_size"))
    state = [zero_state(cache) for cache in spec.caches]
    try:
        network = open_here(spec, model, **header)
        pipes.write(answers, pipes.SUCCESS)
        pipes.write_json(answers, network.accelerator)
        while True:
            command = pipes.read(requests, 1)
            if command == pipes.RUN:
                fed = [network.frame()]
                if spec.valid:
                    fed.append(network.valid())
                pipes.read_into(requests, fed)
                del fed  # The memory may not be held while the network runs.
                pipes.write(answers, pipes.SUCCESS, *network.run())
            elif command == pipes.READ_STATE:
                pipes.write(answers, pipes.SUCCESS, *network.read_state())
            elif command == pipes.WRITE_STATE:
                pipes.read_into(requests, state)
                network.write_state(state)
                pipes.write(answers, pipes.SUCCESS)
            elif command == pipes.MEMORY:
                pipes.write(answers, pipes.SUCCESS)
                pipes.write_json(answers, memory())
    except EOFError:
        return  # The parent has ended or has closed the network.
    except Exception as error:
        pipes.write(answers, pipes.FAILURE)
        pipes.write_json(answers, [type(error).__name__, str(error)])


def _main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent handles Ctrl-C.
    # Libraries may print to descriptor 1, so that becomes stderr.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
