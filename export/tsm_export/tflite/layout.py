"""put_in_order: orders ops and tensors for fast streaming."""

from typing import Any


def put_in_order(model: Any) -> None:
    """Puts the ops and tensors of a model in the best order.

    An op that computes an output moves to directly after its input. Runtimes
    compute in the order of the file, and the converter puts such ops at the
    end. There the slices for the caches would keep the input of every block in
    memory: 22 MB and at least one percent of the time for ResNet-50 at 224
    pixels (`docs/performance.md`).

    Inputs and outputs are sorted by name, images and logits first. LiteRT then
    usually places the caches side by side, in the same order for inputs and
    outputs, so that fewer copies feed them back.

    Args:
        model: A `schema.ModelT` with one graph and one signature. It is
            changed in place and computes the same as before.
    """
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    graph.operators = _outputs_early(graph)
    for entries in (signature.inputs, signature.outputs):
        entries.sort(key=lambda entry: _rank(entry.name.decode()))
    inputs = [entry.tensorIndex for entry in signature.inputs]
    outputs = [entry.tensorIndex for entry in signature.outputs]
    between = sorted(set(range(len(graph.tensors))) - {*inputs, *outputs})
    _renumber(graph, signature, [*inputs, *between, *outputs])
    graph.inputs = [entry.tensorIndex for entry in signature.inputs]
    graph.outputs = [entry.tensorIndex for entry in signature.outputs]


def _outputs_early(graph):
    operators = list(graph.operators)
    outputs = set(graph.outputs)
    # The op that computes each tensor. None computes inputs and weights.
    source = {
        tensor: index
        for index, operator in enumerate(operators)
        for tensor in operator.outputs
    }
    places = []
    for index, operator in enumerate(operators):
        place = index
        if outputs.issuperset(operator.outputs):
            sources = [source.get(tensor, -1) for tensor in operator.inputs]
            place = max(sources, default=-1)
        places.append(place)
    # The sort is stable, so an op that moves comes directly after its input.
    order = sorted(range(len(operators)), key=places.__getitem__)
    return [operators[index] for index in order]


def _rank(name):
    return name.startswith("cache_"), name


def _renumber(graph, signature, order):
    new = {old: index for index, old in enumerate(order)}
    new[-1] = -1  # -1 means that an optional input is absent.
    graph.tensors = [graph.tensors[index] for index in order]
    for operator in graph.operators:
        operator.inputs = [new[tensor] for tensor in operator.inputs]
        operator.outputs = [new[tensor] for tensor in operator.outputs]
    for entry in (*signature.inputs, *signature.outputs):
        entry.tensorIndex = new[entry.tensorIndex]
