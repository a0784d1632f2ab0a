// Time and memory of `dsopt quantize` on models of growing size, with weights in files of their own: the time shall grow with the size, the memory
// shall not. Models are generated where they are not there yet. Needs GNU time and 13 GB of disk for 8gb.
// node dist-bench/bench/scale.js FOLDER [1gb,2gb,4gb,8gb] [-- OPTIONS of dsopt quantize]
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const separator = process.argv.indexOf('--');
const [folder, sizes = '1gb,2gb,4gb,8gb'] = process.argv.slice(2, separator < 0 ? undefined : separator);
if (!folder) throw new TypeError('node scale.js FOLDER [SIZES] [-- OPTIONS]');
const given = separator < 0 ? [] : process.argv.slice(separator + 1);
const options = given.length > 0 ? given : ['--mode', 'weight-only', '--algorithm', 'rtn', '--no-verify'];
const program = fileURLToPath(new URL('../../bin/dsopt.js', import.meta.url));
const generator = fileURLToPath(new URL('generate-transformer.js', import.meta.url));
mkdirSync(folder, { recursive: true });
for (const size of sizes.split(',')) {
  const model = join(folder, `${size}.onnx`);
  if (!existsSync(model)) await execa(process.execPath, [generator, size, model]);
}
if (given[0] !== '--generate-only') {
  process.stdout.write(
    '| model | input MB | output MB | wall | MB/s of input | peak RSS |\n| --- | --: | --: | --: | --: | --: |\n',
  );
  for (const size of sizes.split(',')) await measure(size);
}

async function measure(size: string): Promise<void> {
  const output = join(folder, 'output', 'model.onnx');
  try {
    const command = [
      program,
      'quantize',
      join(folder, `${size}.onnx`),
      '-o',
      output,
      ...options,
      '--quiet',
      '--overwrite',
    ];
    const { stderr } = await execa('/usr/bin/time', ['-f', '%e %M', process.execPath, ...command]);
    const [seconds, kilobytes] = stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
    const input = megabytes(folder, `${size}.onnx`);
    const figures = [
      input.toFixed(0),
      megabytes(join(folder, 'output'), 'model.onnx').toFixed(0),
      `${seconds.toFixed(1)} s`,
    ];
    const rest = [(input / seconds).toFixed(0), `${(kilobytes / 1000).toFixed(0)} MB`];
    process.stdout.write(`| ${[size, ...figures, ...rest].join(' | ')} |\n`);
  } finally {
    rmSync(join(folder, 'output'), { recursive: true, force: true });
  }
}

/** Of the model file and its data files. */
function megabytes(place: string, name: string): number {
  const files = readdirSync(place).filter((file) => file.startsWith(name));
  return files.reduce((sum, file) => sum + statSync(join(place, file)).size, 0) / 1e6;
}
