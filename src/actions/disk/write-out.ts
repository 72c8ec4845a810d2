// Has the kernel write out what it has taken for disks. It never comes to the end of it where a disk hangs.
import { AppError, describeError } from '../../core/errors.ts';
import type { ActionContext } from '../action.ts';

/** No disk that works says nothing for so long. */
const patienceMs = 120_000;

/** All disks, as far as they can be written. */
export async function writeOutAll({ host, signal, note }: ActionContext): Promise<void> {
  try {
    await host.run('sync', [], { signal, silenceMs: patienceMs });
  } catch (err) {
    signal.throwIfAborted();
    note(`not every disk of this machine could be written out: ${describeError(err)}`);
  }
}

/** One disk, whatever becomes of others. Errors: AppError `disk.failed`. */
export async function writeOut(device: string, { host, signal }: ActionContext): Promise<void> {
  try {
    await host.run('sync', [device], { signal, silenceMs: patienceMs });
  } catch (err) {
    signal.throwIfAborted();
    throw new AppError(
      'disk.failed',
      `${device} does not take what is still to be written to it: replace the disk`,
      { cause: err },
    );
  }
}
