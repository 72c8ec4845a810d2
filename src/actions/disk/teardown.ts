// Takes down what stands on a disk before it is overwritten, and leaves nothing on it that firmware, a
// kernel or an installer would take for something.
import { AppError, describeError, isAppError } from '../../core/errors.ts';
import { alignedBuffer, type BlockFile } from '../../sources/writing/block-file.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import { dropPartitions, openWhenFree } from './nodes.ts';
import { toTheEnd } from '../action.ts';
import { deviceOf, nameOf, readPartitions, readStack, type BlockNode } from './stack.ts';

/** The size wiped at both ends of the disk and of each partition. All known signatures lie there, but for a few that
 *  wipefs knows, and both copies of a GPT. */
const endBytes = 1024 * 1024;
/** A slice is zeroed in 2 s, or another way is taken. */
const zeroingSeconds = 60;
/** The exit code of flock where another program has the lock; it has others for other faults. */
const lockedCode = 75;

/** A program that takes something down. */
export interface Step {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
}

/** The steps that take down everything built on a disk, from the top. Pure.
 *  Errors: AppError `disk.in-use` when something of it is built on another disk as well, or is unknown, or the running
 *  system is on it. */
export function tearDownSteps(disk: BlockNode): readonly Step[] {
  if (holdsRoot(disk)) {
    throw new AppError(
      'disk.in-use',
      `the running system is on ${deviceOf(disk.name)}; boot the machine from the network to overwrite that disk`,
    );
  }
  const own = new Set(namesOf(disk));
  const seen = new Set<string>();
  const steps: Step[] = [];
  const visit = (node: BlockNode): void => {
    if (seen.has(node.name)) return;
    seen.add(node.name);
    for (const user of node.users) visit(user);
    steps.push(...stepsFor(node, own));
  };
  visit(disk);
  return steps;
}

/** Takes down what is on the disk and wipes it so far that it has no partition table, file system, array
 *  or volume. Errors: AppError `disk.in-use`, `disk.failed`, `exec.failed`, `exec.missing`. */
export async function tearDown(host: Host, device: string, options: RunOptions): Promise<void> {
  const name = nameOf(device);
  // flock would make a file with the name of a disk that is gone.
  await (await host.openDisk(device, 'read')).close();
  const steps = tearDownSteps(await readStack(host.root, name));
  await awaitZeroing(host, device, options);
  for (const { program, args, input } of steps) {
    await host.run(program, args, { ...options, ...(input === undefined ? {} : { input }) });
  }
  const partitions = await readPartitions(host.root, name);
  const file = await openWhenFree(host, device, options);
  try {
    await makeUnbootable(file);
    for (const { start, sectors } of partitions) await wipeEnds(file, start * 512, sectors * 512);
    await file.sync();
  } finally {
    await file.close();
  }
  // ZFS, btrfs and VMFS also keep signatures away from the start and the end.
  for (const { name: partition } of partitions) await wipeSignatures(host, partition, options);
  await wipeSignatures(host, name, options);
  await dropPartitions(host, device, partitions, options);
}

/** Waits for a program of an agent that was killed, which zeroes the disk while it has its lock. Errors: AppError
 *  `disk.in-use`. */
async function awaitZeroing(host: Host, device: string, options: RunOptions): Promise<void> {
  try {
    const patience = ['--timeout', String(zeroingSeconds)];
    const conflict = ['--conflict-exit-code', String(lockedCode)];
    await host.run('flock', [...patience, ...conflict, device, 'true'], options);
  } catch (err) {
    if (!isAppError(err, 'exec.failed') || err.details['code'] !== lockedCode) throw err;
    throw new AppError(
      'disk.in-use',
      `a program has held the lock of ${device} for ${zeroingSeconds} s; end it, or reset this machine`,
      { cause: err },
    );
  }
}

/** Wipes both ends of a disk: no firmware finds a partition table or a boot sector on it then.
 *  Errors: AppError `disk.failed`. */
async function makeUnbootable(file: BlockFile): Promise<void> {
  await wipeEnds(file, 0, file.sizeBytes);
  await file.sync();
}

/** After a failure: the disk must not boot what is only in part on it. `file` may be closed already.
 *  Errors: AppError `disk.failed`, with the failure that came before as its cause. */
export async function leaveUnbootable(
  host: Host,
  device: string,
  file: BlockFile,
  failure: unknown,
): Promise<void> {
  try {
    await file.close();
    const again = await openAnyhow(host, device);
    try {
      await makeUnbootable(again);
    } finally {
      await again.close();
    }
  } catch (err) {
    throw new AppError(
      'disk.failed',
      `${device} is written in part and may boot: its ends cannot be wiped (${describeError(err)})`,
      { cause: failure },
    );
  }
}

/** A program that cannot be ended may hold it still. No file system begins where a table does. */
async function openAnyhow(host: Host, device: string): Promise<BlockFile> {
  try {
    return await openWhenFree(host, device, toTheEnd);
  } catch (err) {
    if (!isAppError(err, 'disk.in-use')) throw err;
    return await host.openDisk(device, 'overwrite');
  }
}

async function wipeEnds(file: BlockFile, offset: number, length: number): Promise<void> {
  const zeroes = alignedBuffer(Math.min(endBytes, length));
  const end = Math.min(offset + length, file.sizeBytes);
  // A table may lie: what it says of places behind the end of the disk is left alone.
  if (offset + zeroes.length > end) return;
  await file.write(zeroes, offset);
  await file.write(zeroes, end - zeroes.length);
}

async function wipeSignatures(host: Host, name: string, options: RunOptions): Promise<void> {
  await host.run('wipefs', ['--all', '--force', deviceOf(name)], options);
}

function stepsFor(node: BlockNode, own: ReadonlySet<string>): Step[] {
  const { name, kind, mounts, isSwap, mapped = name } = node;
  const steps: Step[] = mounts.toReversed().map((path) => ({ program: 'umount', args: [path] }));
  if (isSwap) steps.push({ program: 'swapoff', args: [deviceOf(name)] });
  if (kind === 'disk' || kind === 'partition') return steps;
  const foreign = node.parts.find((part) => !own.has(part));
  if (foreign !== undefined) {
    throw new AppError(
      'disk.in-use',
      `${mapped} is built on this disk and on ${deviceOf(foreign)}, which must not be overwritten; take it down by hand first`,
    );
  }
  return [...steps, ...closing(node, mapped)];
}

function closing({ name, kind, parts }: BlockNode, mapped: string): Step[] {
  switch (kind) {
    case 'crypt':
      return [{ program: 'cryptsetup', args: ['close', mapped] }];
    case 'lvm':
      return [{ program: 'dmsetup', args: ['remove', '--retry', mapped] }];
    case 'md':
      // The superblocks first: nothing can put together again what is stopped then.
      return [
        ...parts.map((part) => ({
          program: 'wipefs',
          args: ['--all', '--force', deviceOf(part)],
        })),
        { program: 'mdadm', args: ['--stop', deviceOf(name)] },
      ];
    case 'bcache':
      return [{ program: 'tee', args: [`/sys/block/${name}/bcache/stop`], input: '1' }];
    case 'disk':
    case 'partition':
      return [];
    case 'other':
      throw new AppError(
        'disk.in-use',
        `${mapped} is built on this disk, and this agent does not know what it is; take it down by hand first`,
      );
  }
}

function holdsRoot({ mounts, users }: BlockNode): boolean {
  return mounts.includes('/') || users.some(holdsRoot);
}

function namesOf(node: BlockNode): string[] {
  return [node.name, ...node.users.flatMap(namesOf)];
}
