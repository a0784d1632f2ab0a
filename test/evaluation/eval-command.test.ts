import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readResult, runEvalCommand, splitWords } from '../../src/evaluation/eval-command.js';
import { temporaryFolder } from '../temporary-folder.js';

const root = temporaryFolder();

function program(name: string, code: string): string {
  const path = join(root, name);
  writeFileSync(path, code);
  return `node ${path} {model}`;
}

describe('a program of the user', () => {
  it('is given the model and prints its figure last', async () => {
    const command = program(
      'ok.mjs',
      'console.log("loading", process.argv[2]); console.log(JSON.stringify({ length: process.argv[2].length }));',
    );
    expect(await runEvalCommand(command, 'a model.onnx')).toEqual({ name: 'length', value: 12, all: { length: 12 } });
  });

  it('may fail', async () => {
    await expect(runEvalCommand(program('fails.mjs', 'process.exit(3);'), 'a.onnx')).rejects.toThrow(/exit code 3/);
    await expect(runEvalCommand('node x.js', 'a.onnx')).rejects.toThrow(/where the model goes/);
    await expect(runEvalCommand('no-such-program {model}', 'a.onnx')).rejects.toThrow(/failed for a.onnx/);
  });
});

describe('words', () => {
  it.each([
    [`node eval.js {model}`, ['node', 'eval.js', '{model}']],
    [`node -e "print('a b')" '{model}'`, ['node', '-e', `print('a b')`, '{model}']],
    [String.raw`node -e "say(\"x y\")" my\ file.js`, ['node', '-e', 'say("x y")', 'my file.js']],
    [String.raw`C:\tools\node.exe --out="a b" ''`, [String.raw`C:\tools\node.exe`, '--out=a b', '']],
  ])('%s', (command, words) => {
    expect(splitWords(command)).toEqual(words);
  });

  it('need both quotes', () => {
    expect(() => splitWords(`node 'x.js {model}`)).toThrow(/quote of --eval-command has no end/);
  });
});

describe('the last line', () => {
  it.each([
    ['0.91', undefined, 'value', 0.91],
    ['0.91', 'top1', 'top1', 0.91],
    ['{"top1": 0.5, "top5": 0.9}', 'top5', 'top5', 0.9],
    ['{"metric": "f1", "value": 0.7, "n": 10}', undefined, 'f1', 0.7],
  ])('%s', (line, wanted, name, value) => {
    expect(readResult(line, wanted)).toMatchObject({ name, value });
  });

  it.each(['done', '{}', '{"top1": "good"}', '[1]', 'null'])('%s says nothing', (line) => {
    expect(() => readResult(line, 'top1')).toThrow(/evaluation command printed no/);
  });
});
