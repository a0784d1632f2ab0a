// The rules that keep the code habitable (src/README.md), held by a test: who may import whom, and what a file may be.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Layers of src from the bottom to the top; a folder or file imports only from lines above its own. */
const layers: readonly (readonly string[])[] = [
  ['errors'],
  ['numeric'],
  ['tensor', 'parallel'],
  ['ir'],
  ['onnx', 'ops'],
  ['engine', 'rewrite'],
  ['analysis', 'quantization', 'synthetic', 'autodiff'],
  ['data', 'metrics'],
  ['calibration', 'verification', 'measure', 'evaluation'],
  ['pass'],
  ['factorization', 'rounding'],
  ['smoothing'],
  ['training'],
  ['pruning'],
  ['recipe'],
  ['report'],
  ['inspect', 'checkpoint-file', 'kept-results', 'measure-speed', 'compare-nodes'],
  ['evaluate'],
  ['evaluate-result'],
  ['compress', 'compare', 'explain'],
  ['compress-file', 'quantize-within'],
  ['index'],
  ['cli'],
];

/** Rooms of the large folders, from the bottom to the top; what lies in the folder itself joins them and may import all. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  quantization: ['parameters', 'simd', 'runtime', 'rounding', 'weights', 'blocks', 'packed', 'matrices', 'operators'],
  training: ['losses', 'optimizers', 'students', 'graphs', 'examples', 'weights', 'importance'],
  pruning: ['budget', 'repair', 'units', 'blocks'],
  factorization: ['decompositions', 'rewriting', 'ranks', 'repair', 'sharing'],
  report: ['schema', 'format', 'facts', 'text', 'html'],
  'quantize-static': ['plan', 'weights', 'emit', 'ranges', 'trial'],
};

/** Files that are imported by themselves: the index of their folder would load what the start of a command need not wait for. */
const aloneForQuickStart: ReadonlySet<string> = new Set([
  'src/report/schema/schema-name.ts',
  'src/report/schema/report-schema.ts',
  'src/report/facts/model-facts.ts',
  'src/report/facts/weight-uses.ts',
  'src/report/text/render-inspection.ts',
  'src/analysis/count-macs.ts',
  'src/analysis/shapes/propagate-shapes.ts',
]);

interface Import {
  readonly specifier: string;
  /** Of a relative import: the file, relative to the repository; empty for a package. */
  readonly target: string;
  readonly typeOnly: boolean;
  /** Within the code, at the moment it is needed. */
  readonly late: boolean;
}

interface SourceFile {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without comments, and with empty strings, as far as a pattern can tell. */
  readonly code: string;
  readonly imports: readonly Import[];
}

function filesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name).split(sep).join('/'))
    .sort();
}

const commentOrText = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
const staticImport = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)';/gm;
const lateImport = /(\bawait\s+|=>\s+)?\bimport\('([^']+)'\)/g;

function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const code = text.replace(commentOrText, (found) => (found.startsWith('/') ? '' : "''"));
  const targetOf = (specifier: string): string => {
    if (!specifier.startsWith('.')) return '';
    const target = relative(root, resolve(root, dirname(path), specifier));
    return target.split(sep).join('/').replace(/\.js$/, '.ts');
  };
  const imports = [
    ...[...text.matchAll(staticImport)].map(([, type, specifier]) => ({
      specifier,
      typeOnly: type !== undefined,
      late: false,
    })),
    // `import('x').Type` and `typeof import('x')` are types; what is awaited or returned runs.
    ...[...text.matchAll(lateImport)].map(([, runs, specifier]) => ({
      specifier,
      typeOnly: runs === undefined,
      late: true,
    })),
  ].map((found) => ({ ...found, target: targetOf(found.specifier) }));
  return { path, text, code, imports };
}

const sources = filesBelow('src').map(readSource);
const passes = filesBelow('passes').map(readSource);
const product = [...sources, ...passes];
const everything = [...product, ...[...filesBelow('test'), ...filesBelow('bench')].map(readSource)];

/** Top folder of a file of src, or its name: `src/ir/text/words.ts` → `ir`, `src/errors.ts` → `errors`. */
function unitOf(path: string): string {
  return path.split('/')[1].replace(/\.ts$/, '');
}

function violations(check: (file: SourceFile) => readonly string[], files: readonly SourceFile[] = product): string[] {
  return files.flatMap((file) => check(file).map((message) => `${file.path}: ${message}`));
}

function matches(pattern: RegExp): (file: SourceFile) => readonly string[] {
  return ({ code }) => [...code.matchAll(pattern)].map(([text]) => text.trim());
}

test('there is something to check', () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(passes.length).toBeGreaterThan(10);
});

describe('imports', () => {
  const levels = new Map(layers.flatMap((names, level) => names.map((name) => [name, level] as const)));

  test('every folder and file of src has its layer', () => {
    const units = new Set(sources.map(({ path }) => unitOf(path)));
    expect([...units].filter((unit) => !levels.has(unit))).toEqual([]);
  });

  test('point down the layers', () => {
    const found = violations(
      ({ path, imports }) =>
        imports
          .flatMap(({ target }) => (target.startsWith('src/') && unitOf(target) !== unitOf(path) ? [target] : []))
          .filter((target) => levels.get(unitOf(target))! >= levels.get(unitOf(path))!)
          .map((target) => `imports ${target}, which is not below it`),
      sources,
    );
    expect(found).toEqual([]);
  });

  test('point down the rooms of a folder', () => {
    const roomOf = (path: string): string => path.split('/')[2];
    const folderOf = (path: string): string => path.split('/').slice(0, 2).join('/');
    const found = violations(({ path, imports }) => {
      const order = path.split('/').length === 4 ? rooms[unitOf(path)] : undefined;
      if (!order) return [];
      if (!order.includes(roomOf(path))) return ['lies in a room that has no place'];
      return imports
        .filter(({ target }) => folderOf(target) === folderOf(path) && target.split('/').length === 4)
        .filter(({ target }) => order.indexOf(roomOf(target)) > order.indexOf(roomOf(path)))
        .map(({ target }) => `imports ${target}, which is not below it`);
    });
    expect(found).toEqual([]);
  });

  test('go through the index of a folder', () => {
    const found = violations(({ path, imports }) =>
      imports
        .filter(({ target }) => target.startsWith('src/') && target.split('/').length > 2)
        .filter(({ target }) => !path.startsWith('src/') || unitOf(target) !== unitOf(path))
        .filter(({ target }) => !/^src\/[^/]+\/index\.ts$/.test(target))
        .filter(({ target }) => !aloneForQuickStart.has(target))
        .map(({ target }) => `imports ${target}, not the index of its folder`),
    );
    expect(found).toEqual([]);
  });

  test('only src/index.ts knows the passes', () => {
    const found = violations(
      ({ path, imports }) =>
        imports
          .filter(({ target }) => target.startsWith('passes/') && path !== 'src/index.ts')
          .map(({ target }) => `imports ${target}`),
      sources,
    );
    expect(found).toEqual([]);
  });

  test('passes do not import passes, nor the command line', () => {
    const folderOf = (path: string): string => path.split('/')[1];
    const found = violations(
      ({ path, imports }) =>
        imports
          .filter(({ target }) =>
            target.startsWith('passes/')
              ? path !== 'passes/index.ts' && folderOf(target) !== folderOf(path)
              : /^src\/(cli|index|recipe|report|compress)/.test(target),
          )
          .map(({ target }) => `imports ${target}`),
      passes,
    );
    expect(found).toEqual([]);
  });

  test('make no cycles between files, types aside', () => {
    const graph = new Map(
      product.map(({ path, imports }) => [
        path,
        imports.flatMap(({ typeOnly, target }) => (target && !typeOnly ? [target] : [])),
      ]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, way: readonly string[]): void => {
      if (way.includes(path)) cycles.push([...way.slice(way.indexOf(path)), path].join(' → '));
      if (way.includes(path) || done.has(path)) return;
      for (const target of graph.get(path) ?? []) visit(target, [...way, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  test('name files that exist', () => {
    const found = violations(({ imports }) =>
      imports
        .filter(({ target }) => target.endsWith('.ts') && !existsSync(join(root, target)))
        .map(({ specifier }) => specifier),
    );
    expect(found).toEqual([]);
  });
});

describe('files', () => {
  test('are in kebab-case and not called after nothing', () => {
    const banned = new Set([
      'utils',
      'util',
      'helpers',
      'helper',
      'common',
      'misc',
      'base',
      'types',
      'shared',
      'lib',
      'core',
    ]);
    const found = violations(({ path }) => {
      const names = path.split('/').slice(1);
      return names
        .map((name) => name.replace(/(\.test|\.d)?\.ts$/, ''))
        .filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || banned.has(name));
    }, everything);
    expect(found).toEqual([]);
  });

  test('have at most 400 lines', () => {
    expect(
      violations(
        ({ text }) => (text.split('\n').length > 401 ? [`${text.split('\n').length - 1} lines`] : []),
        everything,
      ),
    ).toEqual([]);
  });

  test('open with what they are', () => {
    const opens = ({ path, text }: SourceFile): readonly string[] =>
      text.startsWith('//') || text.startsWith('/**') || path.endsWith('/index.ts') ? [] : ['opens without a comment'];
    expect(violations(opens)).toEqual([]);
  });

  test('export no default and declare no enums', () => {
    expect(violations(matches(/^export default\b|\bas default\b|\benum \w+ \{/gm))).toEqual([]);
  });

  test('use no any', () => {
    expect(violations(matches(/(?::|\bas|<|\||&)\s*any\b/g))).toEqual([]);
  });
});

describe('what is reached for', () => {
  test('no console', () => {
    expect(violations(matches(/\bconsole\.\w+/g))).toEqual([]);
  });

  test('no exit code outside bin, and no ending of the process but that of a measured model', () => {
    expect(violations(matches(/\bprocess\.(?:exitCode|abort)\b/g))).toEqual([]);
    const others = product.filter(({ path }) => path !== 'src/measure/child.ts');
    expect(violations(matches(/\bprocess\.exit\b/g), others)).toEqual([]);
  });

  test('no randomness but the seeded', () => {
    expect(violations(matches(/\bMath\.random\b|\bgetRandomValues\b/g), everything)).toEqual([]);
  });

  test('no clock in passes', () => {
    expect(violations(matches(/\b(?:Date|performance)\.now\b|\bnew Date\(\)/g), passes)).toEqual([]);
  });

  test('one class of errors', () => {
    const others = product.filter(({ path }) => path !== 'src/errors.ts');
    expect(violations(matches(/\bclass \w+ extends \w*Error\b/g), others)).toEqual([]);
  });

  test('reports and inspection start without schemas', () => {
    const byPath = new Map(product.map((file) => [file.path, file]));
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const { target, typeOnly, late } of byPath.get(path)?.imports ?? []) if (!typeOnly && !late) visit(target);
    };
    for (const start of ['src/inspect.ts', 'src/report/index.ts', 'src/onnx/index.ts']) visit(start);
    const withSchemas = [...reached].filter((path) =>
      byPath.get(path)?.imports.some(({ specifier }) => specifier === 'zod'),
    );
    expect(withSchemas).toEqual([]);
  });

  test('what is heavy is loaded when it is needed', () => {
    const heavy = /^(onnxruntime-node|onnxruntime-web|@tensorflow\/.*|sharp|piscina|@huggingface\/tokenizers)$/;
    const found = violations(({ imports }) =>
      imports
        .filter(({ specifier, late, typeOnly }) => heavy.test(specifier) && !late && !typeOnly)
        .map(({ specifier }) => `imports ${specifier} when it is loaded`),
    );
    expect(found).toEqual([]);
  });
});
