// Makes kernels-binary.ts of kernels.as: `node src/quantization/simd/compile.mjs`. Fetches the AssemblyScript compiler by npx; nothing that
// is shipped depends on it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('kernels.as', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dsopt-kernels-'));
try {
  copyFileSync(source, join(folder, 'kernels.ts'));
  const options = ['kernels.ts', '-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert', '-o', 'kernels.wasm'];
  execFileSync('npx', ['--yes', '--package', 'assemblyscript@0.28.20', 'asc', ...options], {
    cwd: folder,
    stdio: 'inherit',
  });
  const lines = readFileSync(join(folder, 'kernels.wasm'))
    .toString('base64')
    .match(/.{1,110}/g);
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex');
  writeFileSync(
    fileURLToPath(new URL('kernels-binary.ts', import.meta.url)),
    `// kernels.as as WebAssembly, in base64. Written by compile.mjs: do not edit.

/** SHA-256 of the source. */
export const sourceDigest = '${digest}';

export const binary = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
