// The real models beside the repository, where they are. Tests on them are skipped with a message where they are not.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of material that is no part of the repository, or null. */
export const sharedFolder: string | null = [process.env.DSOPT_SHARED, '../../shared'].reduce<string | null>(
  (found, candidate) => {
    if (found || !candidate) return found;
    const path = candidate.startsWith('.') ? fileURLToPath(new URL(candidate, import.meta.url)) : candidate;
    return existsSync(join(path, 'models')) ? path : null;
  },
  null,
);

/** For titles of tests that are skipped. */
export const needsShared = sharedFolder ? '' : ' (skipped: needs ../shared)';

/** Paths of the .onnx files below a folder of the shared material, in order; none where it is absent. */
export function sharedModels(folder: string, most = Number.POSITIVE_INFINITY): string[] {
  if (!sharedFolder) return [];
  const root = join(sharedFolder, folder);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.onnx'))
    .sort()
    .map((name) => join(root, name))
    .filter((path) => statSync(path).size <= most);
}
