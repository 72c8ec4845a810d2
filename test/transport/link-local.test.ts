import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const canUnshare = spawnSync('unshare', ['-n', 'ip', 'link']).status === 0;

it.skipIf(!canUnshare)(
  'a server at a link-local address is reached through the port that its zone names, and hears nothing of that (needs root)',
  () => {
    const program = join(import.meta.dirname, 'link-local.ts');
    const { stdout, stderr } = spawnSync('unshare', ['-n', process.execPath, program], {
      encoding: 'utf8',
    });
    expect([stdout, stderr]).toEqual([JSON.stringify(Array(3).fill('[fe80::7]:3000')), '']);
  },
);
