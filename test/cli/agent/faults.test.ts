// The real program over a machine with one fault in it: the inventory still comes.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Inventory } from '../../../src/model/inventory.ts';
import { exampleMarks, writeMachine } from '../../capture/synthetic-machine.ts';
import { canHang, hang } from '../../sources/isolated/hanging-mount.ts';

const program = join(import.meta.dirname, '../../../src/cli/dragonfly-agent.ts');
let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-faults-'));
  writeMachine(top, exampleMarks);
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

async function inventory(): Promise<Inventory> {
  const argv = [program, 'inventory', '--json', '--root', top, '--probe-timeout', '8'];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  const found: Inventory = JSON.parse(stdout);
  return found;
}

/** The facts that are known whatever else fails. */
function expectTheRest(found: Inventory): void {
  expect(found.identity.all_macs).toEqual(['52:54:00:ab:cd:01', '52:54:00:ab:cd:02']);
  expect(found.identity.smbios_uuid).toBe('4c4c4544-0051-3510-8052-b4c04f4a3132');
  expect(found.hardware.memory_bytes).toBe(16 * 2 ** 30);
}

function problemsOf(found: Inventory): string[] {
  return found.problems.map((p) => `${p.section} ${p.code} ${p.source}`);
}

describe('an inventory', () => {
  const machineId = '/etc/machine-id';

  it.each([
    ['a FIFO', 'read.not-a-file', (file: string) => execFileSync('mkfifo', [file])],
    ['a directory', 'read.not-a-file', (file: string) => mkdirSync(file)],
    ['a loop of links', 'read.failed', (file: string) => symlinkSync('machine-id', file)],
    [
      'a file of 1 GB',
      'read.too-large',
      (file: string) => {
        writeFileSync(file, '');
        truncateSync(file, 2 ** 30);
      },
    ],
  ])('with %s in place of a file lacks that value and says why', async (_, code, plant) => {
    rmSync(join(top, machineId));
    plant(join(top, machineId));
    const found = await inventory();
    expect(found.identity.machine_id).toBeNull();
    expect(problemsOf(found)).toEqual([`machineId ${code} ${machineId}`]);
    expectTheRest(found);
    expect(found.hardware.disks).toHaveLength(1);
  });

  it('with junk in place of a file lacks that value', async () => {
    writeFileSync(
      join(top, machineId),
      new Uint8Array(4096).map((_, i) => (i * 37) & 0xff),
    );
    const found = await inventory();
    expect(found.identity.machine_id).toBeNull();
    expectTheRest(found);
  });

  it.skipIf(!canHang())('with a disk that hangs comes without it and says why', async () => {
    const release = await hang(join(top, 'sys/devices/pci0000:00/0000:00:1f.2'));
    try {
      const found = await inventory();
      expectTheRest(found);
      expect(found.identity.machine_id).toBe('0123456789abcdef0123456789abcde0');
      expect(problemsOf(found).join()).toMatch(/disks (read|probe)\.timeout/);
    } finally {
      await release();
    }
  });
});
