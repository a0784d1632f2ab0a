// Recurrent operators whose gradients are compared with numerical ones.
export const recurrentGraphs: Readonly<Record<string, string>> = {
  LSTM: '(float[4,2,3] x, float[1,20,3] w, float[1,20,5] r, float[1,40] b) => (float[4,1,2,5] y, float[1,2,5] c) { y, h, c = LSTM <hidden_size = 5> (x, w, r, b) }',
  'LSTM of both directions':
    '(float[3,2,3] x, float[2,8,3] w, float[2,8,2] r, float[2,16] b, float[2,2,2] h0, float[2,2,2] c0, float[2,6] p) => (float[3,2,2,2] y, float[2,2,2] h) { y, h = LSTM <hidden_size = 2, direction = "bidirectional"> (x, w, r, b, , h0, c0, p) }',
  GRU: '(float[4,2,3] x, float[1,15,3] w, float[1,15,5] r, float[1,30] b) => (float[4,1,2,5] y) { y = GRU <hidden_size = 5> (x, w, r, b) }',
  'GRU linear before reset':
    '(float[3,2,3] x, float[1,6,3] w, float[1,6,2] r, float[1,12] b) => (float[3,1,2,2] y, float[1,2,2] h) { y, h = GRU <hidden_size = 2, linear_before_reset = 1, direction = "reverse"> (x, w, r, b) }',
  RNN: '(float[4,2,3] x, float[1,5,3] w, float[1,5,5] r, float[1,10] b) => (float[4,1,2,5] y, float[1,2,5] h) { y, h = RNN <hidden_size = 5> (x, w, r, b) }',
  'RNN of two directions with other activations':
    '(float[3,2,3] x, float[2,2,3] w, float[2,2,2] r, float[2,4] b) => (float[3,2,2,2] y) { y = RNN <hidden_size = 2, direction = "bidirectional", activations = ["Sigmoid", "Tanh"]> (x, w, r, b) }',
  'LSTM of sequences of different lengths':
    '(float[4,3,3] x, float[2,8,3] w, float[2,8,2] r, float[2,16] b, float[2,3,2] h0, float[2,3,2] c0) => (float[4,2,3,2] y, float[2,3,2] h, float[2,3,2] c) <int32[3] n = {4, 2, 1}> { y, h, c = LSTM <hidden_size = 2, direction = "bidirectional"> (x, w, r, b, n, h0, c0) }',
  'GRU of sequences of different lengths':
    '(float[4,2,3] x, float[1,6,3] w, float[1,6,2] r, float[1,12] b) => (float[4,1,2,2] y, float[1,2,2] h) <int32[2] n = {3, 4}> { y, h = GRU <hidden_size = 2, direction = "reverse"> (x, w, r, b, n) }',
};
