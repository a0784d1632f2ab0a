// A residual network whose first convolution stays float: onnxruntime must not turn the image in each block.
import { describe, expect, it } from 'vitest';
import { keepChannelsLast } from '../../../../passes/quantize-static/emit/channels-last.js';
import { quantizeStatic } from '../../../../passes/quantize-static/index.js';
import { optimizeModel } from '../../../../src/engine/index.js';
import type { Model } from '../../../../src/ir/index.js';
import { feedsFor, outputsOf, runOnCopy } from '../../../fixture-models.js';
import { modelOf } from '../model-of.js';

const pads = '<pads = [1, 1, 1, 1]>';
/** Four residual blocks of two convolutions between the first and the last one. */
const blocks = [1, 2, 3, 4].map(
  (n) => `
  h${n} = Conv ${pads} (x${n - 1}, w${2 * n - 1})
  a${n} = Relu (h${n})
  g${n} = Conv ${pads} (a${n}, w${2 * n})
  t${n} = Add (g${n}, x${n - 1})
  x${n} = Relu (t${n})`,
);
const kernels = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `float[8,8,3,3] w${n}`).join(', ');
const network = modelOf(`<ir_version: 8, opset_import: ["" : 17]>
residual (float[N,3,8,8] x, float[8,3,3,3] w10, ${kernels}) => (float[N,8,8,8] y) {
  c0 = Conv ${pads} (x, w10)
  x0 = Relu (c0)${blocks.join('')}
  y = Conv ${pads} (x4, w9)
}`);
const floatEdges = { edges: 'float', residual: 'integer', minimumSize: 1 } as const;

describe('channels last', () => {
  it('are kept from a float stem on, with the same outputs', async () => {
    const { model, report } = await runOnCopy(network, quantizeStatic, floatEdges);
    expect(report.metrics.transposesSaved).toBeGreaterThan(1);
    const added = [...model.graph.nodes()].filter((node) => node.is('Transpose'));
    expect(added).toHaveLength(1);
    const feeds = feedsFor(network, 9);
    const kept = await outputsOf(model, feeds);
    const turned = await transposes(model);
    added[0].output.replaceAllUsesWith(added[0].input(0)!);
    model.graph.remove(added[0]);
    expect(await outputsOf(model, feeds)).toEqual(kept);
    expect((await transposes(model)) - turned).toBe(report.metrics.transposesSaved);
  });

  it('need no help where integers begin with the input', async () => {
    const { model } = await runOnCopy(network, quantizeStatic, { ...floatEdges, edges: 'integer' });
    expect([...model.graph.nodes()].filter((node) => node.is('Transpose'))).toEqual([]);
    expect(await keepChannelsLast(model)).toBe(0);
  });
});

async function transposes(model: Model): Promise<number> {
  const { graph } = await optimizeModel(model, { layouts: true });
  return [...graph.nodes()].filter((node) => node.is('Transpose')).length;
}
