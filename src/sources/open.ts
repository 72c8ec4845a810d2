// Opens the Root that the argument of --root names.
import { resolve } from 'node:path';
import { HostRoot, readMounts, type SourceOptions } from './host.ts';
import type { Root } from './root.ts';

/** "/" or nothing: this host; else a capture (FILE.tar.gz or its unpacked directory) or a directory
 *  with the files of another machine. Errors: AppError `config.invalid`, `read.*`. */
export async function openRoot(path = '/', options: SourceOptions = {}): Promise<Root> {
  const mounts = readMounts();
  if (path === '/') return new HostRoot(options, mounts);
  const directory = resolve(path);
  const { openCaptured } = await import('./captured/captured.ts');
  return await openCaptured(directory, options, mounts.hasServed(directory));
}
