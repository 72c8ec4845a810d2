// From the argument of --root to a Root.
import { resolve } from 'node:path';
import { HostRoot, readMounts, type SourceOptions } from './host.ts';
import type { Root } from './root.ts';

/** "/" or nothing: this host; else the directory of a captured machine.
 *  Errors: AppError `config.invalid` when it is neither. */
export async function openRoot(path = '/', options: SourceOptions = {}): Promise<Root> {
  const mounts = readMounts();
  if (path === '/') return new HostRoot(options, mounts);
  const directory = resolve(path);
  const { openDirectory } = await import('./captured.ts');
  return await openDirectory(directory, options, mounts.hasServed(directory));
}
