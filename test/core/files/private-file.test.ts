// Real files: what a file with secrets must be, whatever stood in its place before.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStateDir } from '../../../src/cli/agent/running/state-dir.ts';
import { readPrivate, writePrivate } from '../../../src/core/files/private-file.ts';
import { backUp } from '../../../src/store/backup/backup.ts';
import { openKv, openStore } from '../../../src/store/open.ts';
import { temporaryDirectory } from '../../store/backends.ts';

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** A directory that everybody may use, as operators make them. */
function shared(): string {
  const directory = join(temporaryDirectory(), 'shared');
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  return directory;
}

/** Ways to write a file with secrets; each gives the file's path. */
const writers: readonly [string, string, (directory: string) => Promise<unknown>][] = [
  ['a file', 'secret', async (directory) => writePrivate(join(directory, 'secret'), 'new')],
  [
    'a backup',
    'backup',
    async (directory) => backUp(await openKv('memory:'), join(directory, 'backup')),
  ],
  ['the data of a store', 'data.mdb', async (directory) => opened(directory)],
  ['the lock of a store', 'in-use.lock', async (directory) => opened(directory)],
  ["the agent's state", 'agent.json', stateIn],
];

async function opened(directory: string): Promise<void> {
  await (await openStore(`lmdb:${directory}`)).close();
}

/** Where it cannot be written, the agent runs without. */
async function stateIn(directory: string): Promise<void> {
  if ((await openStateDir(directory)) === undefined) throw new Error('no state');
}

describe.each(writers)('%s', (_name, file, write) => {
  it('is for its owner alone, in a directory that is for everybody', async () => {
    const directory = shared();
    await write(directory);
    expect(modeOf(join(directory, file))).toBe(0o600);
    chmodSync(join(directory, file), 0o666);
    await write(directory);
    expect(modeOf(join(directory, file))).toBe(0o600);
  });

  it('is not written through a link, nor over a FIFO', async () => {
    const directory = shared();
    const elsewhere = join(temporaryDirectory(), 'elsewhere');
    writeFileSync(elsewhere, 'theirs');
    symlinkSync(elsewhere, join(directory, file));
    await expect(write(directory)).rejects.toBeInstanceOf(Error);
    expect(readFileSync(elsewhere, 'utf8')).toBe('theirs');
    const other = shared();
    execFileSync('mkfifo', [join(other, file)]);
    await expect(write(other)).rejects.toBeInstanceOf(Error);
    expect(statSync(join(other, file)).isFIFO()).toBe(true);
  });
});

it('a leftover of a write that did not end is replaced, never followed', () => {
  const directory = shared();
  const elsewhere = join(directory, 'elsewhere');
  writeFileSync(elsewhere, 'theirs');
  symlinkSync(elsewhere, join(directory, 'secret.new'));
  writePrivate(join(directory, 'secret'), 'mine');
  expect([readFileSync(elsewhere, 'utf8'), readPrivate(join(directory, 'secret'))]).toEqual([
    'theirs',
    'mine',
  ]);
});

it('a store that must exist is not made where there is none', async () => {
  const directory = join(temporaryDirectory(), 'mistyped');
  await expect(openStore(`lmdb:${directory}`, { mustExist: true })).rejects.toMatchObject({
    code: 'store.unavailable',
  });
  expect(existsSync(directory)).toBe(false);
});
