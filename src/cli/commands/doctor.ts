// `dsopt doctor`: what this machine can run, and how to install what is missing.
import { existsSync, readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import type { Engine } from '../../engine/index.js';
import type { DoctorReport } from '../../report/index.js';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';

type Component = DoctorReport['components'][number];

/** Packages beside onnxruntime-node, all optional. */
const optionalPackages: readonly (readonly [string, string])[] = [
  ['@tensorflow/tfjs-node', 'training on the CPU'],
  ['@tensorflow/tfjs-node-gpu', 'training on NVIDIA GPUs'],
  ['@tensorflow/tfjs-backend-webgpu', 'training on other GPUs, together with webgpu'],
  ['webgpu', 'WebGPU in Node.js'],
];

/** Instruction sets that decide how fast integers are multiplied. */
const relevantFeatures: ReadonlySet<string> = new Set(
  'avx avx2 fma f16c avx512f avx512bw avx512_vnni avx_vnni avx512_bf16 avx512_fp16 amx_int8 amx_bf16 asimd asimddp asimdhp i8mm bf16 sve'.split(
    ' ',
  ),
);

export const doctor: CommandModule<[], OutputOptions> = {
  configure() {},
  async run(_args, _options, { output }) {
    const { describeEnvironment, installedVersion, formatBytes, schemaName, alignColumns } = await import(
      '../../report/index.js'
    );
    const engines = await import('../../engine/index.js');
    const report: DoctorReport = {
      schema: schemaName,
      command: 'doctor',
      environment: describeEnvironment(),
      cpuFeatures: cpuFeatures(),
      memory: { total: totalmem(), available: availableMemory() },
      components: [
        await checkEngine('onnxruntime-node', 'runs and verifies models', engines.createOnnxRuntimeEngine),
        await checkWebEngine(installedVersion('onnxruntime-web'), engines.createOnnxRuntimeWebEngine),
        ...optionalPackages.map(([name, purpose]): Component => {
          const version = installedVersion(name);
          return { name, purpose, version, works: null, note: version ? '' : `npm install ${name}` };
        }),
      ],
    };
    if (output.json) {
      output.printJson(report);
      return;
    }
    const { environment, memory } = report;
    const { style } = output;
    const facts = [
      ['dsopt', environment.dsopt],
      ['Node.js', `${environment.node} on ${environment.platform}`],
      ['processor', `${environment.cores} × ${environment.cpu}`],
      ['instructions', report.cpuFeatures?.join(' ') ?? 'unknown'],
      ['memory', `${formatBytes(memory.available)} of ${formatBytes(memory.total)} available`],
    ];
    const components = report.components.map(({ name, purpose, version, works, note }) => [
      works === false ? '✗' : version ? '✓' : '–',
      name,
      version ?? 'not installed',
      works === false ? note : `${purpose}${note ? `: ${note}` : ''}`,
    ]);
    output.print(...alignColumns(facts, ['left', 'left']), '');
    for (const line of alignColumns(components, ['left', 'left', 'left', 'left'])) {
      output.print(line.startsWith('✓') ? style.green(line) : line.startsWith('✗') ? style.red(line) : style.dim(line));
    }
  },
};

async function checkWebEngine(version: string | null, create: () => Engine): Promise<Component> {
  const purpose = 'checks models meant for browsers';
  if (version !== null) return checkEngine('onnxruntime-web', purpose, create);
  return { name: 'onnxruntime-web', purpose, version, works: null, note: 'npm install onnxruntime-web' };
}

/** Runs a model of one operator. */
async function checkEngine(name: string, purpose: string, create: () => Engine): Promise<Component> {
  const { installedVersion } = await import('../../report/index.js');
  const base = { name, purpose, version: installedVersion(name) };
  try {
    const { parseModel } = await import('../../ir/index.js');
    const { float32Tensor } = await import('../../tensor/index.js');
    const model = parseModel(
      '<ir_version: 8, opset_import: ["": 17]> doubled (float[2] x) => (float[2] y) { y = Add(x, x) }',
    );
    const session = await create().open(model);
    try {
      const { y } = await session.run({ x: float32Tensor([2], [1, -3]) });
      const works = y.readNumbers().join() === '2,-6';
      return { ...base, works, note: works ? '' : 'it computes wrong results' };
    } finally {
      await session.close();
    }
  } catch (cause) {
    return { ...base, works: false, note: cause instanceof Error ? cause.message : String(cause) };
  }
}

function cpuFeatures(): string[] | null {
  const file = '/proc/cpuinfo';
  if (!existsSync(file)) return null;
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1];
  return flags?.split(' ').filter((flag) => relevantFeatures.has(flag)) ?? null;
}

/** What a new process can still get, in a container too. */
function availableMemory(): number {
  const file = '/proc/meminfo';
  const kilobytes = existsSync(file) ? /^MemAvailable:\s*(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
}
