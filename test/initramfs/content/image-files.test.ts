import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packCpio } from '../../../initramfs/content/image-files.ts';
import { isMissing } from '../../../initramfs/tools.ts';

/** A folder with a program and a file, as a checkout under a umask has them. */
function packedUnder(umask: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-modes-'));
  try {
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin', 'run'), '#!/bin/sh\n');
    writeFileSync(join(folder, 'notes'), 'text\n');
    for (const [path, mode] of [
      ['.', 0o777],
      ['bin', 0o777],
      ['bin/run', 0o777],
      ['notes', 0o666],
    ] as const) {
      chmodSync(join(folder, path), mode & ~umask);
    }
    return createHash('sha256').update(packCpio(folder)).digest('hex');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it.skipIf(isMissing('cpio'))('an archive has the same bytes under any umask (cpio)', () => {
  const usual = packedUnder(0o022);
  expect(packedUnder(0o077)).toBe(usual);
  expect(packedUnder(0o002)).toBe(usual);
});
