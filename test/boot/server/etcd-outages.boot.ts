// Part of the long set because it takes two minutes: see outages.ts.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { etcdProgram } from '../../store/etcd/etcd-server.ts';

/** A network, mounts and processes of its own: whatever becomes of it, nothing of it is left. */
const alone = ['-nmp', '--fork', '--kill-child', '--mount-proc'];
const canUnshare = spawnSync('unshare', [...alone, 'ip', 'link']).status === 0;

it.skipIf(!inject('all') || etcdProgram === undefined || !canUnshare)(
  'etcd members cut off, hung, full, lost and restored under check-ins through two servers: nothing acknowledged is lost, nothing is there twice, no answer is wrong for 10 s (needs root and etcd-server)',
  () => {
    const program = join(import.meta.dirname, '../../store/etcd/outages.ts');
    const { stdout, stderr } = spawnSync('unshare', [...alone, process.execPath, program], {
      encoding: 'utf8',
    });
    expect([stdout.slice(0, 1), stderr]).toEqual(['{', '']);
    process.stdout.write(stdout);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ unanswered: [], lost: [], twice: 0, findings: [] });
    expect(found.acknowledged).toBeGreaterThan(100);
    expect(found.forgotten).toBeGreaterThan(10);
    expect(found.changes).toBeGreaterThan(5);
    expect(found.longestWrongMs).toBeLessThan(10_000);
  },
);
