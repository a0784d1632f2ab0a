# Static quantization by ONNX Runtime's tools: QDQ, uint8 activations, int8 weights per channel (per tensor below opset 13, where its files per
# channel do not load). METHOD is MinMax, Entropy, …
# quantize-static.py MODEL CALIBRATION_FOLDER OUTPUT METHOD [all|MatMul,Gemm]; the folder holds index.json and raw tensors (sample-files.ts).
import json
import os
import sys
import tempfile

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

model, folder, output, method, operators = [*sys.argv[1:], "all"][:5]
index = json.load(open(os.path.join(folder, "index.json")))


class Reader(CalibrationDataReader):
    def __init__(self):
        self.rows = iter(index)

    def get_next(self):
        row = next(self.rows, None)
        if row is None:
            return None
        return {
            name: np.fromfile(os.path.join(folder, t["file"]), dtype=t["dtype"]).reshape(t["shape"])
            for name, t in row.items()
        }


with tempfile.TemporaryDirectory() as temporary:
    prepared = os.path.join(temporary, "prepared.onnx")
    try:
        quant_pre_process(model, prepared)
    except Exception:
        try:
            quant_pre_process(model, prepared, skip_symbolic_shape=True)
        except Exception:
            prepared = model
    quantize_static(
        prepared,
        output,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=max(o.version for o in onnx.load(prepared).opset_import if o.domain in ("", "ai.onnx")) >= 13,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod[method],
        op_types_to_quantize=None if operators == "all" else operators.split(","),
    )
