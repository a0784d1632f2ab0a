// External data of a model: files beside it, named by relative paths that must not lead out of its folder.
import { lstatSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep, win32 } from 'node:path';
import { invalidModel, ioError } from '../errors.js';
import { FileSource } from '../tensor/index.js';

/** Opens the external data files of one model, each once. */
export class ExternalData {
  private readonly folder: string | null;
  private readonly sources = new Map<string, FileSource>();

  /** `folder` is the model's; null for a model given as bytes. */
  constructor(folder: string | null) {
    this.folder = folder;
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
    if (this.folder === null) {
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
    const path = resolve(this.folder, location);
    if (leadsOut(this.folder, path)) throw outside();
    let real: string;
    try {
      lstatSync(path);
      real = realpathSync(path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
        throw invalidModel(`The external data file ${join(this.folder, location)} is missing`, {
          hint: 'Put the data file that belongs to the model beside it.',
          cause,
        });
      }
      throw ioError('read', path, cause);
    }
    if (leadsOut(realpathSync(this.folder), real)) throw outside();
    return path;
  }
}

function leadsOut(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}
