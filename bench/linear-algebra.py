# Matrices for linear-algebra.ts and their singular values by NumPy: python3 linear-algebra.py SIZE RANK FOLDER writes NAME.matrix and NAME.values (float64).
import sys

import numpy as np

size, rank, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
random = np.random.default_rng(size)
index = np.arange(size)


def gaussian():
    return random.standard_normal((size, size))


left, right = (np.linalg.qr(gaussian())[0] for _ in range(2))
matrices = {
    "trained-weights": lambda: (left / np.sqrt(index + 1)) @ right,
    "noise": gaussian,
    "large-values-above-noise": lambda: (left * np.where(index < 5, 1000.0, 0)) @ right + gaussian() / np.sqrt(size),
    "ill-conditioned": lambda: (left * 10.0 ** (-12 * index / size)) @ right,
    "low-rank": lambda: (left * np.where(index < rank // 2, 1 / (index + 1), 0)) @ right,
}
for name, make in matrices.items():
    matrix = make()
    matrix.tofile(f"{folder}/{name}.matrix")
    np.linalg.svd(matrix, compute_uv=False).tofile(f"{folder}/{name}.values")
