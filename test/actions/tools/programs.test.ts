import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { actionPrograms, programPackages } from '../../../src/actions/tools/programs.ts';

/** Those that no text of the actions names: run by the host, by a script, or by a name that is put together. */
const unnamed = {
  'src/sources/writing/mount-space.ts': ['nsenter', 'setpriv', 'sh', 'unshare'],
  // The programs that debootstrap runs itself.
  'src/actions/debian/install.ts': ['debootstrap', 'dpkg', 'gpgv', 'perl', 'wget'],
  'src/actions/image2disk.ts': ['fallocate'],
  'src/actions/disk/environment.ts': ['chroot', 'env'],
  'src/actions/kexec.ts': ['cat', 'wc'],
  'src/actions/disk/make-partitions.ts': ['mkfs.btrfs', 'mkfs.ext4', 'mkfs.xfs'],
};

function programsInCode(): string[] {
  const found = new Set<string>(Object.values(unnamed).flat());
  for (const file of globSync('src/actions/**/*.ts')) {
    const text = readFileSync(file, 'utf8');
    for (const [, name] of text.matchAll(/(?:\brun\(|\bfilter\(|program: )\s*'([a-z0-9.-]+)'/g)) {
      if (name !== undefined) found.add(name);
    }
  }
  return [...found].toSorted();
}

it('every program that an action runs is in the list with its package, and no other', () => {
  expect(programsInCode()).toEqual(Object.keys(programPackages).toSorted());
});

it('every program of the list is one of an action', () => {
  const listed = Object.values(actionPrograms).flatMap(({ always, sometimes }) => [
    ...always,
    ...sometimes,
  ]);
  expect([...new Set(listed)].toSorted()).toEqual(Object.keys(programPackages).toSorted());
});
