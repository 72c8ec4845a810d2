import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hasOpenssl } from './test-ca.ts';

const canUnshare = spawnSync('unshare', ['-n', 'ip', 'link']).status === 0;

it.skipIf(!canUnshare || !hasOpenssl)(
  'a server at a link-local address is reached through the port that its zone names, and hears nothing of that (needs root and openssl)',
  () => {
    const program = join(import.meta.dirname, 'link-local.ts');
    const { stdout, stderr } = spawnSync('unshare', ['-n', process.execPath, program], {
      encoding: 'utf8',
      // No timer of the test runner ends what is waited for in this way.
      timeout: 25_000,
    });
    const host = '[fe80::7]:3000';
    const said = [host, host, host, 'answered', 'server.untrusted'];
    expect([stdout, stderr]).toEqual([JSON.stringify(said), '']);
  },
);
