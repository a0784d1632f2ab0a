# The peer of against-ort.ts: ONNX Runtime's quantize_dynamic with its defaults.
import sys

from onnxruntime.quantization import QuantType, quantize_dynamic

quantize_dynamic(sys.argv[1], sys.argv[2], weight_type=QuantType.QInt8)
