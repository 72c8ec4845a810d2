// The agent's state directory: small files that survive its process.
import { join } from 'node:path';
import { makeDirectories } from '../../../core/files/named-file.ts';
import { readPrivate, writePrivate } from '../../../core/files/private-file.ts';
import type { Notebook } from '../../../agent/boot.ts';

/** Opens the notebooks in `dir`; undefined if this user may not write there. */
export async function openStateDir(
  dir: string,
): Promise<Record<'sequence' | 'spool' | 'workflow', Notebook> | undefined> {
  const sequence = notebook(join(dir, 'agent.json'));
  try {
    makeDirectories(dir, 0o755);
    await sequence.write((await sequence.read()) ?? '{}');
    return {
      sequence,
      spool: notebook(join(dir, 'spool.json')),
      workflow: notebook(join(dir, 'workflow.json')),
    };
  } catch {
    return undefined;
  }
}

function notebook(path: string): Notebook {
  return {
    async read() {
      try {
        return readPrivate(path);
      } catch {
        return undefined;
      }
    },
    async write(text) {
      writePrivate(path, text);
    },
  };
}
