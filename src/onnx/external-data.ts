// External data of a model: files beside it, named by relative paths that must not lead out of its folder.
import { lstatSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep, win32 } from 'node:path';
import { invalidModel, ioError } from '../errors.js';
import { FileSource } from '../tensor/index.js';

/** Opens the external data files of one model, each once. */
export class ExternalData {
  private readonly modelPath: string | null;
  private readonly sources = new Map<string, FileSource>();

  /** null for a model given as bytes. */
  constructor(modelPath: string | null) {
    this.modelPath = modelPath;
  }

  open(location: string): FileSource {
    let source = this.sources.get(location);
    if (!source) {
      source = FileSource.open(this.resolve(location));
      this.sources.set(location, source);
    }
    return source;
  }

  private resolve(location: string): string {
    if (this.modelPath === null) {
      throw invalidModel(`The model keeps weights in ${location}, but it was given as bytes`, {
        hint: 'Load it by its path.',
      });
    }
    const outside = (): Error =>
      invalidModel(`The model keeps weights in ${JSON.stringify(location)}, outside its folder`, {
        hint: 'External data must lie in the folder of the model; a model that names other files is not to be trusted.',
      });
    if (location === '' || location.includes('\0') || isAbsolute(location) || win32.isAbsolute(location))
      throw outside();
    const folder = dirname(resolve(this.modelPath));
    const path = resolve(folder, location);
    if (leadsOut(folder, path)) throw outside();
    let real: string;
    try {
      lstatSync(path);
      real = realpathSync(path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
        throw invalidModel(`The external data file ${join(folder, location)} is missing`, {
          hint: 'Put the data file that belongs to the model beside it.',
          cause,
        });
      }
      throw ioError('read', path, cause);
    }
    // A model that is a link itself (the cache of the Hugging Face hub is full of them) may have links beside it that lead to
    // files beside its target.
    const folders = [realpathSync(folder), dirname(realpathSync(this.modelPath))];
    if (folders.every((allowed) => leadsOut(allowed, real))) throw outside();
    return path;
  }
}

function leadsOut(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}
