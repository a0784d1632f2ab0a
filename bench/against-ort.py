# The peers of against-ort.ts: ONNX Runtime's quantize_dynamic with its defaults, or its MatMulNBitsQuantizer at 4 bits in blocks of 32, rounded
# to nearest (rtn) or by HQQ. Says how long the call took, loading and saving included and imports not.
import sys
import time

model, output, algorithm = sys.argv[1:4]
if algorithm == "dynamic":
    from onnxruntime.quantization import QuantType, quantize_dynamic

    begin = time.time()
    quantize_dynamic(model, output, weight_type=QuantType.QInt8)
else:
    import onnx
    from onnxruntime.quantization import matmul_nbits_quantizer as nbits

    begin = time.time()
    loaded = onnx.load(model)
    if algorithm == "hqq":
        quantizer = nbits.MatMulNBitsQuantizer(loaded, algo_config=nbits.HQQWeightOnlyQuantConfig(block_size=32))
    else:
        quantizer = nbits.MatMulNBitsQuantizer(loaded, block_size=32, is_symmetric=True, accuracy_level=4)
    quantizer.process()
    quantizer.model.save_model_to_file(output, False)
print(time.time() - begin)
