// Installs on blank machines, by the command that newcomers run: over PXE, with the plan shown, until the
// installed system reports.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { projectDir } from '../../../initramfs/tools.ts';
import { isRunning } from '../../processes.ts';
import { canBoot, runsAll } from '../harness.ts';

const limitMs = 15 * 60_000;

function provision(...args: string[]) {
  const child = spawn(process.execPath, [join(projectDir, 'initramfs/provision.ts'), ...args], {
    cwd: projectDir,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = text(child.stdout);
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
  });
  return { child, printed, ended };
}

/** The ids of the children of a process. Source: proc(5). */
async function childrenOf(pid: number | undefined): Promise<number[]> {
  const { readFile } = await import('node:fs/promises');
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return list.split(' ').filter(Boolean).map(Number);
}

describe('npm run provision', () => {
  it.skipIf(!canBoot)(
    'installs on a BIOS machine with a virtio disk, and tells each step',
    async () => {
      const { printed, ended } = provision();
      expect(await ended).toBe(0);
      const lines = await printed;
      for (const step of [
        'OVERWRITES /dev/vda, serial DEMO-1',
        'fetched /boot/x86_64/tools (200)',
        'fetched /images/debian.raw.zst (200)',
        'waiting for the installed system',
        'the installed system has reported',
      ]) {
        expect(lines).toContain(step);
      }
    },
    limitMs,
  );

  it.skipIf(!canBoot)(
    'installs on a UEFI machine with an NVMe disk',
    async () => {
      const { printed, ended } = provision('--uefi', '--disk', 'nvme');
      expect(await ended).toBe(0);
      expect(await printed).toMatch(/OVERWRITES \/dev\/nvme0n1[^]*installed system has reported/);
    },
    limitMs,
  );

  it.skipIf(!runsAll)(
    'installs on a BIOS machine with a SCSI disk',
    async () => {
      const { printed, ended } = provision('--disk', 'scsi');
      expect(await ended).toBe(0);
      expect(await printed).toMatch(/OVERWRITES \/dev\/sda[^]*installed system has reported/);
    },
    limitMs,
  );

  it.skipIf(!canBoot)(
    'leaves no machine behind, however it ends',
    async () => {
      for (const signal of ['SIGINT', 'SIGKILL'] as const) {
        const { child, printed, ended } = provision();
        let shown = '';
        child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
        await expect.poll(() => shown, { timeout: limitMs }).toContain('fetched /boot/start.ipxe');
        const machines = await childrenOf(child.pid);
        expect(machines).toHaveLength(1);
        child.kill(signal);
        expect(await ended).not.toBe(0);
        await printed;
        await expect.poll(() => machines.filter(isRunning), { timeout: 20_000 }).toEqual([]);
      }
    },
    limitMs,
  );
});
