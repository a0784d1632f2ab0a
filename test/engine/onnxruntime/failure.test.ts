// The messages are onnxruntime's own (1.30).
import { describe, expect, it } from 'vitest';
import { failureReason } from '../../../src/engine/onnxruntime/failure.js';

describe('failureReason', () => {
  it.each([
    [
      'Load model from /tmp/a b.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:180 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const std::unordered_map<std::__cxx11::basic_string<char>, int>&) Missing model IR version.\n',
      'Missing model IR version.',
    ],
    [
      'Exception during initialization: /onnxruntime_src/onnxruntime/core/providers/cpu/text/string_normalizer.cc:92 onnxruntime::StringNormalizer::Locale::Locale(const std::string&)::<lambda()> Failed to construct locale with name:en_US.UTF-8',
      'Failed to construct locale with name:en_US.UTF-8',
    ],
    [
      "tensorprotoutils.cc:1469 ValidateEmbeddedTensorProtoDataSizeAndShape Initializer 'w': raw_data size (0 bytes) does not match",
      "Initializer 'w': raw_data size (0 bytes) does not match",
    ],
    [
      "Failed to find kernel for Cast(25) (node:'' ep:'CPUExecutionProvider'). Op with name () domain () and type (Cast) kernel is not supported. Encountered following errors: (\n Version mismatch.",
      "Failed to find kernel for Cast(25) (node:'' ep:'CPUExecutionProvider'). Op with name () domain () and type (Cast) kernel is not supported.",
    ],
    [
      "Could not find an implementation for Add(6) node with name ''",
      "Could not find an implementation for Add(6) node with name ''",
    ],
  ])('%#', (message, reason) => {
    expect(failureReason(new Error(message))).toBe(reason);
  });

  it('is cut where it would not end', () => {
    expect(failureReason(new Error('x'.repeat(5000))).length).toBeLessThan(400);
  });
});
