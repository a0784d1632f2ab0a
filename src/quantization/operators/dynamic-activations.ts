// Activations quantized while the model runs: DynamicQuantizeLinear, one for all consumers of a value within a graph.
import type { Graph, Node, Value } from '../../ir/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import type { DataType } from '../../tensor/index.js';

/** Outputs of DynamicQuantizeLinear: uint8, one scale per tensor. */
export interface QuantizedActivation {
  readonly quantized: Value;
  readonly scale: Value;
  readonly zeroPoint: Value;
}

export class DynamicActivations {
  private readonly known = new Map<Graph, Map<Value, QuantizedActivation>>();
  private readonly knownRests = new Map<QuantizedActivation, QuantizedActivation>();
  private count = 0;

  /**
   * The quantized form of `value`, made before `anchor` at the first call; callers come in graph order.
   * @param dataType of the value; others than float32 are cast, as DynamicQuantizeLinear takes nothing else.
   */
  quantize(value: Value, dataType: DataType, anchor: Node): QuantizedActivation {
    const nodes = new NodeInserter(anchor, `x${this.count}`);
    const known = this.knownIn(nodes.graph);
    let activation = known.get(value);
    if (!activation) {
      this.count++;
      const input = nodes.cast(value, dataType, 'float32', 'float32');
      const { outputs } = nodes.addNode('DynamicQuantizeLinear', [input], ['uint8', 'scale', 'zero_point']);
      const [quantized, scale, zeroPoint] = outputs as readonly Value[];
      activation = { quantized, scale, zeroPoint };
      known.set(value, activation);
    }
    return activation;
  }

  /**
   * What `quantize` lost of `value`, quantized with a scale of its own: both together hold sixteen bits. A few large values then no longer
   * cost all others their precision.
   */
  quantizeRest(value: Value, dataType: DataType, anchor: Node): QuantizedActivation {
    const activation = this.quantize(value, dataType, anchor);
    let rest = this.knownRests.get(activation);
    if (!rest) {
      const nodes = new NodeInserter(anchor, activation.quantized.name);
      const { quantized, scale, zeroPoint } = activation;
      const restored = nodes.add('DequantizeLinear', [quantized, scale, zeroPoint], 'restored');
      const input = nodes.cast(value, dataType, 'float32', 'float32');
      rest = this.quantize(nodes.add('Sub', [input, restored], 'rest'), 'float32', anchor);
      this.knownRests.set(activation, rest);
    }
    return rest;
  }

  private knownIn(graph: Graph): Map<Value, QuantizedActivation> {
    let known = this.known.get(graph);
    if (!known) {
      known = new Map();
      this.known.set(graph, known);
    }
    return known;
  }
}
