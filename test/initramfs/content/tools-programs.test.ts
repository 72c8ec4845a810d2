// The programs of the tools image, held against those that actions run.
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { programs } from '../../../initramfs/content/tools-programs.ts';
import { programPackages } from '../../../src/actions/tools/programs.ts';

/** Their programs are busybox's in a netboot image, or are no part of it: it has no udev. */
const ofBusybox = new Set(['coreutils', 'dash', 'systemd-sysv', 'udev', 'wget']);

it('has every program that an action runs and busybox does not have', () => {
  const has = new Map(
    Object.entries(programs).flatMap(([name, paths]) =>
      paths.map((path) => [basename(path), name]),
    ),
  );
  const wanted = Object.entries(programPackages).filter(([, name]) => !ofBusybox.has(name));
  expect(wanted.length).toBeGreaterThan(10);
  expect(wanted.filter(([program, name]) => has.get(program) !== name)).toEqual([]);
});
