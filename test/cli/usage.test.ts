import { describe, expect, test } from 'vitest';
import { runCli } from './run-cli.js';

describe('help', () => {
  test('lists every command on stdout', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['inspect', 'quantize', 'compare', 'bench', 'run', 'passes', 'schema', 'doctor']) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
  });

  test('of a command shows flags made from the options of its pass, with defaults', async () => {
    const { code, stdout } = await runCli(['quantize', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--weight-type <value>');
    expect(stdout.replace(/\s+/g, ' ')).toContain('(default: int8)');
    expect(stdout).toContain('--symmetric');
  });

  test('without a command is a usage error', async () => {
    const { code, stderr } = await runCli([]);
    expect(code).toBe(2);
    expect(stderr).toContain('No command is given');
  });

  test('the version is that of the package', async () => {
    expect((await runCli(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('what is not known is named with the nearest word', () => {
  test.each([
    [['quantise', 'm.onnx'], 'There is no command quantise', 'Did you mean quantize?'],
    [['frobnicate'], 'There is no command frobnicate', 'dsopt --help lists the commands.'],
    [['inspect', 'm.onnx', '--tpo', '3'], "Unknown option '--tpo'", 'Did you mean --top?'],
    [['inspect'], "Missing required argument 'model'", 'dsopt inspect --help'],
    [['inspect', 'a', 'b'], "Too many arguments for 'inspect'", 'dsopt inspect --help'],
    [['quantize', 'm.onnx', '--mode', 'dynamc'], '--mode cannot be "dynamc"', 'Did you mean dynamic?'],
    [['quantize', 'm.onnx', '--weight-type', 'int9'], '--weight-type cannot be "int9"', 'Did you mean int8?'],
    [['quantize', 'm.onnx', '--minimum-size', 'x'], '--minimum-size cannot be "x"', 'not a number'],
    [['quantize', 'm.onnx', '--shard-size', '5 parsecs'], '--shard-size cannot be "5 parsecs"', '500MB'],
    [['quantize', 'm.onnx', '--input-shape', 'x'], '--input-shape cannot be "x"', 'input_ids:1x128'],
    [['bench', 'm.onnx', '--runs', '0'], '--runs cannot be "0"', 'at least 1'],
    [['run', 'r.yaml', '-o', 'x'], "Required option '-i, --input <model>'", 'dsopt run --help'],
    [['schema', 'rec'], 'what cannot be "rec"', 'Did you mean recipe?'],
    [['quantize', 'm.onnx', '--report', 'r.pdf'], '--report cannot be "r.pdf"', '.json'],
  ])('%j', async (argv, message, hint) => {
    const { code, stdout, stderr } = await runCli(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
  });

  test('with --json it is one object on stdout', async () => {
    const { code, stdout, stderr } = await runCli(['inspect', 'm.onnx', '--tpo', '--json']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      schema: 'dsopt.report/1',
      command: 'inspect',
      error: { code: 'USAGE', message: "Unknown option '--tpo'", hint: 'Did you mean --top?', exitCode: 2 },
    });
  });
});
