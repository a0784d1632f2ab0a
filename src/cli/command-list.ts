// The commands: name, one line for `dsopt --help`, and where they are. A command is loaded when it runs.
import type { CommandModule } from './command-module.js';

export interface ListedCommand {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandModule>;
}

export const commands: readonly ListedCommand[] = [
  {
    name: 'inspect',
    summary: 'what a model consists of: operators, bytes, multiplications, largest tensors',
    load: async () => (await import('./commands/inspect.js')).inspect,
  },
  {
    name: 'quantize',
    summary: 'store weights in fewer bits and compute with them',
    load: async () => (await import('./commands/quantize.js')).quantize,
  },
  {
    name: 'decompose',
    summary: 'replace weights by products of smaller ones',
    load: async () => (await import('./commands/decompose.js')).decompose,
  },
  {
    name: 'distill',
    summary: 'train a smaller student to compute what its teacher computes',
    load: async () => (await import('./commands/distill.js')).distill,
  },
  {
    name: 'heal',
    summary: 'win accuracy of a compressed model back by training it against its original',
    load: async () => (await import('./commands/heal.js')).heal,
  },
  {
    name: 'prune',
    summary: 'remove what a model does not need: channels, heads, neurons, weights',
    load: async () => (await import('./commands/prune.js')).prune,
  },
  {
    name: 'run',
    summary: 'run a recipe: a pipeline of passes',
    load: async () => (await import('./commands/run.js')).run,
  },
  {
    name: 'eval',
    summary: 'task metrics of models on data, and how far they are from the first',
    load: async () => (await import('./commands/eval.js')).evalCommand,
  },
  {
    name: 'explain',
    summary: 'what each node costs, what quantizing it would cost, and which to keep in float',
    load: async () => (await import('./commands/explain.js')).explain,
  },
  {
    name: 'compare',
    summary: 'two models side by side: bytes, operators, outputs',
    load: async () => (await import('./commands/compare.js')).compare,
  },
  {
    name: 'bench',
    summary: 'latency, throughput, memory of models, measured in turns',
    load: async () => (await import('./commands/bench.js')).bench,
  },
  {
    name: 'passes',
    summary: 'the catalogue of passes',
    load: async () => (await import('./commands/passes.js')).passes,
  },
  {
    name: 'schema',
    summary: 'JSON Schema of recipes, or of reports',
    load: async () => (await import('./commands/schema.js')).schema,
  },
  {
    name: 'doctor',
    summary: 'what this machine can run',
    load: async () => (await import('./commands/doctor.js')).doctor,
  },
];

export const commandNames = commands.map(({ name }) => name);
