// The machine and the versions a run happened with, read without loading onnxruntime.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../schema/environment-facts.js';

export function describeEnvironment(): Environment {
  const processors = cpus();
  return {
    dsopt: dsoptVersion(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    onnxruntime: installedVersion('onnxruntime-node'),
  };
}

export function dsoptVersion(): string {
  return versionAbove(fileURLToPath(import.meta.url), 'dsopt') ?? 'unknown';
}

/** The version of a package that dsopt would import, null when it is not installed. */
export function installedVersion(name: string): string | null {
  try {
    return versionAbove(createRequire(import.meta.url).resolve(name), name);
  } catch {
    return null;
  }
}

/** The version in the `package.json` of package `name`, looked for in the folders above `path`. */
function versionAbove(path: string, name: string): string | null {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const description: { name?: string; version?: string } = JSON.parse(readFileSync(file, 'utf8'));
    if (description.name === name) return description.version ?? null;
  }
  return null;
}
