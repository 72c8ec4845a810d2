// Mounts a volume read-only for as long as it is examined, a part of a device by way of a loop device. Nothing
// stays: what was mounted is unmounted, and the loop device is given back.
import type { Reading } from '../reading.ts';
import type { Superblock } from './superblock.ts';
import type { Volume } from './volumes.ts';

const folder = '/run/dragonfly/probe';

/** Read-only and without replaying the journal, because a suspended system must not be changed. */
const mountOptions: Readonly<Record<Superblock['type'], string>> = {
  ext4: 'ro,noload',
  xfs: 'ro,norecovery,nouuid',
  btrfs: 'ro,rescue=nologreplay',
};

/** Passes the directory of a volume to `use`. Mounts it for that time unless it is mounted already. Volumes are
 *  mounted one after the other: each takes the first loop device that is free, as a capture of it must.
 *  Errors: reports exec.failed for what cannot be mounted. */
export async function within<T>(
  read: Reading,
  volume: Volume,
  use: (top: string) => Promise<T>,
): Promise<T | undefined> {
  if (volume.mountedAt !== undefined) return await use(volume.mountedAt);
  if (volume.offset === 0) return await mounted(read, volume, volume.device, use);
  const loop = await openLoop(read, volume);
  if (loop === undefined) return undefined;
  try {
    return await mounted(read, volume, loop, use);
  } finally {
    await read.exec('losetup', ['-d', loop]);
  }
}

async function mounted<T>(
  read: Reading,
  volume: Volume,
  device: string,
  use: (top: string) => Promise<T>,
): Promise<T | undefined> {
  const at = `${folder}/${nameOf(volume)}`;
  await read.exec('mkdir', ['-p', at]);
  const options = `${mountOptions[volume.type]},nodev,nosuid,noexec`;
  if (!(await ran(read, volume, 'mount', ['-t', volume.type, '-o', options, device, at]))) {
    return undefined;
  }
  try {
    return await use(at);
  } finally {
    await read.exec('umount', [at]);
  }
}

/** The number of times that another program may take the loop device that was free. */
const maxTries = 5;

/** A read-only loop device over the part of a device. Options are those that busybox has too, which no end of the
 *  part is told: a file system knows its own. */
async function openLoop(read: Reading, volume: Volume): Promise<string | undefined> {
  const over = ['-r', '-o', String(volume.offset)];
  let asked = '';
  for (let tries = 1; tries <= maxTries; tries++) {
    const free = (await read.exec('losetup', ['-f']))?.trim() ?? '';
    if (!/^\/dev\/loop\d+$/.test(free)) break;
    const args = [...over, free, volume.device];
    asked = `losetup ${args.join(' ')}`;
    const trying = tries < maxTries ? read.quietly() : read;
    if ((await trying.exec('losetup', args)) !== undefined) return free;
  }
  // A refusal was already reported.
  if (!read.refused('losetup -f', asked)) {
    read.problem('exec.failed', 'losetup', `no losetup command to inspect ${volume.device} with`);
  }
  return undefined;
}

async function ran(
  read: Reading,
  { device }: Volume,
  tool: string,
  args: readonly string[],
): Promise<boolean> {
  if ((await read.exec(tool, args)) !== undefined) return true;
  // A refusal was already reported.
  if (!read.refused([tool, ...args].join(' '))) {
    read.problem('exec.failed', tool, `no ${tool} command to inspect ${device} with`);
  }
  return false;
}

/** A name of its own for each: a capture has one answer for each path. */
function nameOf({ device, offset }: Volume): string {
  const name = device.replace(/^\/dev\//, '').replaceAll('/', '!');
  return offset === 0 ? name : `${name}@${offset}`;
}
