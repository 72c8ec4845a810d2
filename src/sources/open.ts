// From the argument of --root to a Root.
import { HostRoot } from './host.ts';
import type { Root } from './root.ts';

/** "/" or nothing: this host; else the directory of a captured machine.
 *  Errors: AppError `config.invalid` when it is neither. */
export async function openRoot(path = '/'): Promise<Root> {
  if (path === '/') return new HostRoot();
  const { DirectoryRoot, requireDirectory } = await import('./directory.ts');
  return new DirectoryRoot(requireDirectory(path));
}
