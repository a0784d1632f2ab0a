// `dsopt doctor`: what this machine can run, and how to install what is missing.
import { existsSync, readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import type { DoctorReport } from '../../report/index.js';
import type { CommandModule } from '../command-module.js';
import { checkEngines } from '../engine-check.js';
import type { OutputOptions } from '../output.js';

/** Instruction sets that decide how fast integers are multiplied. */
const relevantFeatures: ReadonlySet<string> = new Set(
  'avx avx2 fma f16c avx512f avx512bw avx512_vnni avx_vnni avx512_bf16 avx512_fp16 amx_int8 amx_bf16 asimd asimddp asimdhp i8mm bf16 sve'.split(
    ' ',
  ),
);

export const doctor: CommandModule<[], OutputOptions> = {
  configure() {},
  async run(_args, _options, { output }) {
    const { describeEnvironment, formatBytes, schemaName, alignColumns } = await import('../../report/index.js');
    const report: DoctorReport = {
      schema: schemaName,
      command: 'doctor',
      environment: describeEnvironment(),
      cpuFeatures: cpuFeatures(),
      memory: { total: totalmem(), available: availableMemory() },
      components: await checkEngines(),
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
    const components = report.components.map(({ name, purpose, version, works, gigaflops, note }) => [
      works === false ? '✗' : version ? '✓' : '–',
      name,
      version ?? 'not installed',
      gigaflops === null ? '' : `${gigaflops.toFixed(0)} GFLOP/s`,
      works === false ? note : `${purpose}${note ? `: ${note}` : ''}`,
    ]);
    output.print(...alignColumns(facts, ['left', 'left']), '');
    for (const line of alignColumns(components, ['left', 'left', 'left', 'right', 'left'])) {
      output.print(line.startsWith('✓') ? style.green(line) : line.startsWith('✗') ? style.red(line) : style.dim(line));
    }
  },
};

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
