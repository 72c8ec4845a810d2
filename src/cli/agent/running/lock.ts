// One running agent to a state directory: two would number the requests of one machine twice.
import { join } from 'node:path';
import { AppError, describeError } from '../../../core/errors.ts';
import { lockFile } from '../../../core/files/lock-file.ts';
import { makeDirectories } from '../../../core/files/named-file.ts';

/** Takes the lock, and returns what releases it. A user who may not write there has none, and no state to share: `onNone`
 *  is told why. Errors: AppError `agent.running`. */
export function lockStateDir(dir: string, onNone: (reason: string) => void = () => {}): () => void {
  const path = join(dir, 'agent.lock');
  const release = lock(dir, path, onNone);
  if (release !== undefined) return release;
  throw new AppError(
    'agent.running',
    `another agent runs on this host (it has locked ${path}): leave it to that one, or stop it first; inventory, identify and doctor work beside it`,
  );
}

function lock(
  dir: string,
  path: string,
  onNone: (reason: string) => void,
): (() => void) | undefined {
  try {
    makeDirectories(dir, 0o755);
    return lockFile(path);
  } catch (err) {
    onNone(describeError(err));
    return () => {};
  }
}
