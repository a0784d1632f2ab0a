// What the codec read from a file and the IR does not model (documentation, annotations, unknown fields):
// an object that passes never look into and that saving puts back.

export interface Opaque {
  readonly message: object;
}
