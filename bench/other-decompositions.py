# Decompositions beside others at equal parameters: CP (alternating least squares; dsopt does not ship it) of 3 x 3 convolutions beside Tucker-2 and
# k x 1, 1 x k; full Tucker of stacked query, key and value weights beside low rank of each and one shared input basis. Needs onnx, onnxruntime, numpy.
# Run: python3 bench/other-decompositions.py conv MODEL.onnx OUTPUT_FOLDER   (relative errors; models with the approximated weights, to be evaluated)
#      python3 bench/other-decompositions.py attention MODEL.onnx FEEDS.npz   (relative errors of weights, and of outputs on these inputs)
import re
import sys

import numpy as np
import onnx
from onnx import numpy_helper

share = {"conv": 0.5, "attention": 0.6}


def unfold(tensor, mode):
    return np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)


def leading(matrix, rank):
    return np.linalg.eigh(matrix @ matrix.T)[1][:, ::-1][:, :rank]


def tucker(tensor, ranks, iterations=10):
    """HOOI; modes of full rank stay."""
    bases = [leading(unfold(tensor, mode), rank) for mode, rank in enumerate(ranks)]
    for _ in range(iterations):
        for mode, rank in enumerate(ranks):
            projected = tensor
            for other, basis in enumerate(bases):
                if other != mode:
                    projected = np.moveaxis(np.tensordot(basis.T, projected, (1, other)), 0, other)
            bases[mode] = leading(unfold(projected, mode), rank)
    result = tensor
    for mode, basis in enumerate(bases):
        result = np.moveaxis(np.tensordot(basis @ basis.T, result, (1, mode)), 0, mode)
    return result


def best_tucker(tensor, budget, cost, step=8):
    """The pair of channel ranks of least error within the budget; of the second, the largest that fits."""
    outputs, inputs, elements = tensor.shape
    best = None
    for first in range(step, outputs + 1, step):
        fitting = [second for second in range(step, inputs + 1, step) if cost(first, second) <= budget]
        if fitting:
            approximation = tucker(tensor, (first, max(fitting), elements), 2)
            if best is None or error(tensor, approximation) < error(tensor, best[1]):
                best = ((first, max(fitting)), approximation)
    return best


def khatri_rao(a, b):
    return (a[:, None, :] * b[None, :, :]).reshape(-1, a.shape[1])


def cp(tensor, rank, iterations=200):
    """Alternating least squares with a small ridge, from random factors; the best of two starts."""
    best = None
    for seed in range(2):
        random = np.random.default_rng(seed)
        factors = [random.standard_normal((size, rank)) for size in tensor.shape]
        for _ in range(iterations):
            for mode in range(3):
                a, b = (factors[other] for other in range(3) if other != mode)
                gram = (a.T @ a) * (b.T @ b)
                gram[np.diag_indices(rank)] += 1e-6 * np.trace(gram) / rank
                factors[mode] = np.linalg.solve(gram, (unfold(tensor, mode) @ khatri_rao(a, b)).T).T
        approximation = np.einsum("ir,jr,kr->ijk", *factors, optimize=True)
        if best is None or error(tensor, approximation) < error(tensor, best):
            best = approximation
    return best


def spatial(weights, rank):
    outputs, inputs, height, width = weights.shape
    matrix = weights.transpose(1, 2, 0, 3).reshape(inputs * height, outputs * width)
    basis = leading(matrix, rank)
    return (basis @ (basis.T @ matrix)).reshape(inputs, height, outputs, width).transpose(2, 0, 1, 3)


def error(tensor, approximation):
    return float(((tensor - approximation) ** 2).sum() / (tensor**2).sum())


def convolutions(path, folder):
    methods = ("cp", "tucker", "spatial")
    models = {method: onnx.load(path) for method in methods}
    rows = []
    for index, initializer in enumerate(models["cp"].graph.initializer):
        weights = numpy_helper.to_array(initializer).astype(np.float64)
        if weights.ndim != 4 or weights.shape[2:] != (3, 3) or weights[0].size * len(weights) < 2000 or weights.shape[1] < 8:
            continue
        outputs, inputs = weights.shape[:2]
        budget = share["conv"] * weights.size
        tensor = weights.reshape(outputs, inputs, 9)

        def cost(first, second):
            reduced_outputs = first * outputs if first < outputs else 0
            reduced_inputs = second * inputs if second < inputs else 0
            return reduced_outputs + 9 * first * second + reduced_inputs

        made = {
            "cp": cp(tensor, int(budget // (outputs + inputs + 9))),
            "tucker": best_tucker(tensor, budget, cost, 8 if min(outputs, inputs) > 16 else 2)[1],
            "spatial": spatial(weights, int(budget // (3 * (outputs + inputs)))).reshape(tensor.shape),
        }
        rows.append([error(tensor, made[method]) for method in methods])
        print(initializer.name, weights.shape, " ".join(f"{m} {e:.3f}" for m, e in zip(methods, rows[-1])), flush=True)
        for method in methods:
            target = models[method].graph.initializer[index]
            target.CopyFrom(numpy_helper.from_array(made[method].reshape(weights.shape).astype(np.float32), target.name))
    print("mean relative squared error:", dict(zip(methods, np.mean(rows, axis=0).round(3))))
    for method in methods:
        onnx.save(models[method], f"{folder}/{method}.onnx")


def attention(path, feeds_path):
    import onnxruntime

    model = onnx.load(path)
    weights = {initializer.name: numpy_helper.to_array(initializer) for initializer in model.graph.initializer}
    triples = {}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights and re.search("query|key|value", node.name + node.output[0]):
            triples.setdefault(node.input[0], []).append(node.input[1])
    triples = {name: names for name, names in triples.items() if len(names) == 3}
    for name in triples:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = np.load(feeds_path)
    values = session.run(list(triples), {i.name: feeds[i.name] for i in session.get_inputs()})
    rows = {"plain": [], "whitened": []}
    for (name, names), value in zip(triples.items(), values):
        stack = np.stack([weights[other].T for other in names], 2).astype(np.float64)
        x = value.reshape(-1, value.shape[-1]).astype(np.float64)
        covariance = x.T @ x / len(x)
        factor = np.linalg.cholesky(covariance + 1e-6 * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))
        for metric, tensor in (("plain", stack), ("whitened", np.einsum("oik,ij->ojk", stack, factor))):
            outputs, inputs, count = tensor.shape
            budget = share["attention"] * tensor.size
            each = int(budget // (count * (outputs + inputs)))
            low_rank = np.stack([(u := leading(tensor[:, :, k], each)) @ u.T @ tensor[:, :, k] for k in range(count)], 2)
            shared = int(budget // (count * outputs + inputs))
            basis = leading(unfold(tensor, 1), min(shared, inputs))
            one_basis = np.moveaxis(np.tensordot(basis @ basis.T, tensor, (1, 1)), 0, 1)
            full = best_tucker(tensor, budget, lambda a, b: count * a * b + outputs * a + inputs * b, 32)[1]
            rows[metric].append([error(tensor, low_rank), error(tensor, one_basis), error(tensor, full)])
    for metric, errors in rows.items():
        mean = np.mean(errors, axis=0)
        print(f"{metric}: low rank of each {mean[0]:.4f}, one input basis {mean[1]:.4f}, full Tucker {mean[2]:.4f} ({len(errors)} blocks)")


{"conv": convolutions, "attention": attention}[sys.argv[1]](*sys.argv[2:])
