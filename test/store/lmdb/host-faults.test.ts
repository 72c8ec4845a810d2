// A directory that its host keeps a server from: what is said of it, with real mounts.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { remedyFor } from '../../../src/store/lmdb/host-faults.ts';
import { problemOf, trialPrevented } from '../../../src/store/lmdb/trial.ts';
import { openStore } from '../../../src/store/open.ts';
import { temporaryDirectory } from '../backends.ts';
import { machine } from '../documents.ts';

const canMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
const program = join(import.meta.dirname, '../../../src/cli/dragonfly-server.ts');

/** The output of a command of the server, with the directory as `mount` leaves it. */
function run(directory: string, mount: string, ...args: readonly string[]) {
  const script = `dir=$1; shift; ${mount} && exec "$@"`;
  const command = [process.execPath, program, ...args, '--data', directory];
  const ended = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', directory, ...command], {
    encoding: 'utf8',
  });
  return { status: ended.status, said: ended.stdout + ended.stderr };
}

const readOnly = 'mount --bind "$dir" "$dir" && mount -o remount,bind,ro "$dir"';

it.skipIf(!canMount)(
  'on a file system that can only be read is checked, and no server runs there (needs root)',
  async () => {
    const directory = temporaryDirectory();
    const store = await openStore(`lmdb:${directory}`);
    await store.machines.put(machine(1));
    await store.close();
    const checked = run(directory, readOnly, 'check');
    expect(checked).toEqual({ status: 0, said: expect.stringContaining('nothing wrong') });
    const repaired = run(directory, readOnly, 'check', '--repair');
    expect(repaired).toEqual({
      status: 2,
      said: expect.stringContaining('its file system can only be read: mount it to be written'),
    });
  },
);

it.skipIf(!canMount)('without free inodes is refused for their lack (needs root)', () => {
  const full = 'mount -t tmpfs -o nr_inodes=1 tmpfs "$dir"';
  expect(run(temporaryDirectory(), full, '--listen', '127.0.0.1:0')).toEqual({
    status: 2,
    said: expect.stringContaining('free space or inodes on its disk'),
  });
});

it('is not called damaged where the host kept the process that tries it from its work', () => {
  const ended = { signal: null, status: trialPrevented, stderr: 'Error: No space left on device' };
  expect(() => problemOf('data', ended)).toThrow(
    expect.objectContaining({
      code: 'store.unavailable',
      message: expect.stringContaining('No space left on device'),
    }),
  );
});

it.each([
  ['by Node', { code: 'ENOSPC' }, 'free space or inodes on its disk'],
  ['by LMDB', { code: 13 }, 'let this user write in it'],
  ['of the data', { code: -30_796 }, undefined],
  ['that is no error of the system', 'text', undefined],
])('an error %s has its remedy, if it is one of the host', (_, err, remedy) => {
  expect(remedyFor(err)).toBe(remedy);
});

it('a server whose file system takes no writes any more is not ready, and answers what it can', () => {
  const script = join(import.meta.dirname, 'outgrow-limit.ts');
  const command = ['ulimit -f 3000; exec "$@"', 'sh', process.execPath, script];
  const ended = spawnSync('sh', ['-c', ...command, temporaryDirectory()], { encoding: 'utf8' });
  expect(ended.stdout).toBe('[200,503,200,503]');
});
