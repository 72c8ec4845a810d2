// Has the kernel write out what it has taken for disks. It never comes to the end of it where a disk hangs.
import { AppError, describeError } from '../../core/errors.ts';
import type { Root } from '../../sources/root.ts';
import type { ActionContext } from '../action.ts';
import { nameOf } from './stack.ts';

/** A slow disk may take hours. One that works writes something in so long. */
const patienceMs = 120_000;
const pollMs = 5_000;

/** All disks, as far as they can be written. */
export async function writeOutAll(context: ActionContext): Promise<void> {
  try {
    await sync([], context, unwritten);
  } catch (err) {
    context.signal.throwIfAborted();
    context.note(`not every disk of this machine could be written out: ${describeError(err)}`);
  }
}

/** One disk, whatever becomes of others. Errors: AppError `disk.failed`. */
export async function writeOut(device: string, context: ActionContext): Promise<void> {
  try {
    await sync([device], context, async (root) => -(await sectorsWritten(root, nameOf(device))));
  } catch (err) {
    context.signal.throwIfAborted();
    throw new AppError(
      'disk.failed',
      `${device} does not take what is still to be written to it: replace the disk`,
      { cause: err },
    );
  }
}

/** Gives up when `left` has not fallen for too long: the program itself says nothing. */
async function sync(
  args: readonly string[],
  { host, signal }: ActionContext,
  left: (root: Root) => Promise<number>,
): Promise<void> {
  const over = new AbortController();
  const isOver = AbortSignal.any([signal, over.signal]);
  const written = host.run('sync', args, { signal: isOver, silenceMs: Infinity });
  const watch = async (): Promise<void> => {
    let least = Infinity;
    let sinceMs = host.clock.elapsedMs();
    while (host.clock.elapsedMs() - sinceMs < patienceMs) {
      await host.clock.sleep(pollMs, isOver);
      const now = await left(host.root);
      if (now >= least || Number.isNaN(now)) continue;
      least = now;
      sinceMs = host.clock.elapsedMs();
    }
    over.abort(new Error(`nothing was written within ${patienceMs / 1_000} s`));
  };
  // It ends with the program, which tells how it ended.
  watch().catch(() => {});
  try {
    await written;
  } finally {
    over.abort();
  }
}

/** By all disks of this machine. Units: KiB. Source: /proc/meminfo. */
async function unwritten(root: Root): Promise<number> {
  const text = (await root.text('/proc/meminfo')) ?? '';
  const size = (name: string): number =>
    Number(new RegExp(`^${name}: *(\\d+) kB$`, 'm').exec(text)?.[1] ?? NaN);
  return size('Dirty') + size('Writeback');
}

/** Source: the kernel's block/stat. */
async function sectorsWritten(root: Root, disk: string): Promise<number> {
  const fields = (await root.text(`/sys/class/block/${disk}/stat`))?.trim().split(/\s+/);
  return Number(fields?.[6] ?? NaN);
}
