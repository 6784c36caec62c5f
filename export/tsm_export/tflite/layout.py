"""put_in_order: ops and tensors stand where they serve streaming best."""

from typing import Any


def put_in_order(model: Any) -> None:
    """Puts the ops and tensors of a model in the best order.

    Ops of outputs stand right behind what they come from. Runtimes compute in
    the file's order, and the converter puts what is only output last: the
    caches' slices would stand there together and keep the input of every block
    in memory until the end. For ResNet-50 at 224 pixels that was 22 MB, and a
    percent of the time or more (`docs/performance.md`).

    Inputs and outputs are in the order of their names, images and logits
    first. Mostly LiteRT then places caches side by side, inputs as outputs, so
    that fewer copies feed them back.

    Args:
        model: A `schema.ModelT` of one graph and one signature, to be changed;
            it computes what it did.
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
    # Which op a tensor comes from. Inputs and weights come from none.
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
    # Stable: what moves comes after the op whose place it shares, as that one
    # was in front of it.
    order = sorted(range(len(operators)), key=places.__getitem__)
    return [operators[index] for index in order]


def _rank(name):
    return name.startswith("cache_"), name


def _renumber(graph, signature, order):
    new = {old: index for index, old in enumerate(order)}
    new[-1] = -1  # An input that is left out.
    graph.tensors = [graph.tensors[index] for index in order]
    for operator in graph.operators:
        operator.inputs = [new[tensor] for tensor in operator.inputs]
        operator.outputs = [new[tensor] for tensor in operator.outputs]
    for entry in (*signature.inputs, *signature.outputs):
        entry.tensorIndex = new[entry.tensorIndex]
