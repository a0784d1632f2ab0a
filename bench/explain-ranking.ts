// Whether `dsopt explain` ranks nodes rightly: a model is quantized to dynamic INT8 with the five costliest nodes kept in float, and with
// random fives, and each result is compared with the original on data that explain did not see all of.
// Run: npm run build && npx tsc bench/explain-ranking.ts --outDir dist --rootDir . --target ES2022 --lib ES2023 --module NodeNext
//      --skipLibCheck --types node --ignoreConfig && node dist/bench/explain-ranking.js model.onnx data tokenizer.json [samples] [draws]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOnnxRuntimeEngine } from '../src/engine/index.js';
import { evaluate } from '../src/evaluation/index.js';
import { compressFile, explain, loadModel } from '../src/index.js';
import { createRandom } from '../src/numeric/index.js';

const [model, data, tokenizer, samples = '300', draws = '10'] = process.argv.slice(2);
const dataOptions = { ...(tokenizer && { tokenizer, maxLength: 64 }) };
const count = 5;

const started = performance.now();
const report = await explain(await loadModel(model), { data, dataOptions, bits: [8] });
console.log(`explain: ${((performance.now() - started) / 1000).toFixed(1)} s`);
const ranked = report.nodes.filter(({ effects }) => effects[0].effect).map(({ node }) => node);
const top = ranked.slice(0, count);
const random = createRandom(1);
const choices = [
  { name: 'none', exclude: [] as string[] },
  { name: `top ${count}`, exclude: top },
  ...Array.from({ length: Number(draws) }, (_, draw) => ({ name: `random ${draw + 1}`, exclude: drawFrom(ranked) })),
];

const folder = mkdtempSync(join(tmpdir(), 'dsopt-ranking-'));
try {
  const paths = [model];
  for (const [index, { exclude }] of choices.entries()) {
    const path = join(folder, `${index}.onnx`);
    const recipe = { version: 1, steps: [{ pass: 'quantize-dynamic', exclude }] } as const;
    await compressFile(model, path, { command: 'run', recipe: { ...recipe, steps: [...recipe.steps] }, verify: false });
    paths.push(path);
  }
  const engine = createOnnxRuntimeEngine();
  const result = await evaluate(paths, { data, dataOptions: { ...dataOptions, samples: Number(samples) }, engine });
  const [original, ...others] = result.models;
  console.log(`${result.data}; original ${original.metrics[0].name} ${original.metrics[0].value}`);
  for (const [index, { metrics, fidelity }] of others.entries()) {
    const figures = [...metrics, ...fidelity].map(({ name, value }) => `${name} ${value?.toPrecision(4)}`);
    console.log(choices[index].name.padEnd(10), figures.join('  '), choices[index].exclude.join(' '));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function drawFrom(names: readonly string[]): string[] {
  const left = [...names];
  return Array.from({ length: count }, () => left.splice(random.int(left.length), 1)[0]);
}
