// The model files below some folders.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** `.onnx` files in order of their paths. A path that is a file stands for itself. */
export function modelFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.onnx') && statSync(join(path, name)).isFile())
      .sort()
      .map((name) => join(path, name));
  });
}
