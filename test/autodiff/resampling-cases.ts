// AveragePool, Resize and Upsample, whose gradients are compared with numerical ones.
export interface Case {
  /** Inputs and outputs of the graph, initializers, body. */
  readonly graph: string;
  readonly opset?: number;
  readonly sources?: readonly string[];
  readonly tolerance?: number;
}

export const resamplingCases: Readonly<Record<string, Case>> = {
  AveragePool: {
    graph: '(float[2,3,6,6] x) => (float[2,3,3,3] y) { y = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (x) }',
  },
  'AveragePool padded': {
    graph:
      '(float[1,2,6,6] x) => (float[1,2,6,6] y) { y = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x) }',
  },
  'AveragePool counting padding': {
    graph:
      '(float[1,2,6,6] x) => (float[1,2,6,6] y) { y = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1> (x) }',
  },
  'AveragePool leaving a rest': {
    graph: '(float[1,2,7,7] x) => (float[1,2,3,3] y) { y = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (x) }',
  },
  'Resize nearest': {
    graph:
      '(float[1,2,3,4] x) => (float[1,2,6,8] y) <float[4] s = {1, 1, 2, 2}> { z = Resize <mode = "nearest"> (x, , s) y = Tanh (z) }',
    sources: ['x'],
  },
  'Resize linear': {
    graph:
      '(float[1,2,3,4] x) => (float[1,2,5,7] y) <int64[4] s = {1, 2, 5, 7}> { z = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s) y = Tanh (z) }',
  },
  'Resize of named axes': {
    graph:
      '(float[1,2,3,4] x) => (float[1,2,5,8] y) <float[2] s = {2, 1.7}> { z = Resize <mode = "linear", axes = [3, 2]> (x, , s) y = Tanh (z) }',
    sources: ['x'],
  },
  'Resize to sizes of named axes': {
    graph:
      '(float[1,2,3,4] x) => (float[1,2,5,7] y) <int64[2] s = {5, 7}> { z = Resize <mode = "linear", axes = [-2, -1]> (x, , , s) y = Tanh (z) }',
  },
  'Resize that smooths': {
    graph:
      '(float[1,2,7,8] x) => (float[1,2,3,4] y) <int64[4] s = {1, 2, 3, 4}> { z = Resize <mode = "linear", antialias = 1> (x, , , s) y = Tanh (z) }',
  },
  'Resize cubic that smooths': {
    graph:
      '(float[1,2,7,8] x) => (float[1,2,3,4] y) <int64[4] s = {1, 2, 3, 4}> { z = Resize <mode = "cubic", antialias = 1> (x, , , s) y = Tanh (z) }',
  },
  'AveragePool dilated': {
    graph:
      '(float[1,2,9,8] x) => (float[1,2,3,6] y) { y = AveragePool <kernel_shape = [3, 2], dilations = [3, 2], strides = [2, 1], pads = [1, 0, 1, 0]> (x) }',
    opset: 19,
  },
  'Resize cubic': {
    graph:
      '(float[1,2,4,4] x) => (float[1,2,8,8] y) <float[4] s = {1, 1, 2, 2}> { z = Resize <mode = "cubic"> (x, , s) y = Tanh (z) }',
    sources: ['x'],
  },
  Upsample: {
    graph:
      '(float[1,2,3,4] x) => (float[1,2,6,8] y) <float[4] s = {1, 1, 2, 2}> { z = Upsample <mode = "nearest"> (x, s) y = Tanh (z) }',
    opset: 9,
    sources: ['x'],
  },
};
