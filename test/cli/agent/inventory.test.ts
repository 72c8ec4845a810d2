import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { capture } from '../../../src/cli/agent/capture.ts';
import { comparisonTable } from '../../../src/cli/text/compare-table.ts';
import { identify } from '../../../src/cli/agent/identify.ts';
import { inventory } from '../../../src/cli/agent/inventory.ts';
import { columns } from '../../../src/cli/text/table.ts';
import { collectInventory } from '../../../src/inventory/inventory.ts';
import { exampleMarks, writeMachine } from '../../capture/synthetic-machine.ts';
import { runCommand } from '../run-command.ts';

let top: string;
let machine: string;

beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-cli-'));
  machine = join(top, 'machine');
  writeMachine(machine, exampleMarks);
});
afterAll(() => {
  rmSync(top, { recursive: true });
});

describe('inventory', () => {
  it('prints the value at a path, alone, and nothing for one that is not known', async () => {
    const value = (path: string, ...more: string[]) =>
      runCommand(inventory, ['--root', machine, path, ...more]);
    expect(await value('hardware.disks.0.serial')).toMatchObject({
      code: 0,
      stdout: 'S3Z2NB0K654321\n',
    });
    expect((await value('hardware.disks.0.size_bytes')).stdout).toBe('512110190592\n');
    expect((await value('identity.all_macs')).stdout).toBe(
      '- 52:54:00:ab:cd:01\n- 52:54:00:ab:cd:02\n',
    );
    expect((await value('hardware.cpu_model', '--json')).stdout).toBe('');
    expect((await value('hardware.cpu_model')).code).toBe(1);
    expect((await value('hardware.disks.0', '--only', 'disks', '--json')).stdout).toContain(
      '"S3Z2',
    );
  });

  it.each([
    ['hardware.disk', 'there is no "disk" in hardware: did you mean disks?'],
    ['hardware.disks.7', 'there is no "7" in hardware.disks: there is 0'],
    ['hardware.disks.length', 'there is no "length" in hardware.disks: there is 0'],
    ['identity.primary_mac.vendor', 'in identity.primary_mac: it is 52:54:00:ab:cd:01'],
    ['hardware.constructor', 'there is no "constructor" in hardware: there is '],
  ])('says what there is in place of %s', async (path, words) => {
    await expect(runCommand(inventory, ['--root', machine, path])).rejects.toThrow(words);
  });

  it('prints a table for a serial console', async () => {
    const { code, stdout } = await runCommand(inventory, ['--root', machine]);
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "machine      ACME Server 1, serial CZ3AB12XYZ
      firmware     ACME BIOS 1.0 01/02/2026, UEFI
      identity     739fd7a2706bde29da9e08c10eeedc77a90764353e9ef4266337f54053e31946
      primary MAC  52:54:00:ab:cd:01
      UUID         4c4c4544-0051-3510-8052-b4c04f4a3132
      machine-id   0123456789abcdef0123456789abcde0
      CPU          unknown model
      memory       16 GiB in 1 module
      virtual      no, read from within a container (lxc)

      disks (1)
        DEVICE    SIZE     BUS   MODEL            SERIAL
        /dev/sda  477 GiB  sata  ACME DISK 500GB  S3Z2NB0K654321

      network interfaces (2)
        NAME  MAC                PCI           NOTE
        eth0  52:54:00:ab:cd:01  0000:00:03.0  bond0
        eth1  52:54:00:ab:cd:02  0000:00:04.0  bond0

      no problems
      "
    `);
  });

  it('prints the same document as JSON and as YAML', async () => {
    const json: unknown = JSON.parse(
      (await runCommand(inventory, ['--root', machine, '--json'])).stdout,
    );
    const yaml: unknown = parse(
      (await runCommand(inventory, ['--root', machine, '--yaml'])).stdout,
    );
    expect(json).toEqual(await collectInventory(machine));
    expect(yaml).toEqual(json);
  });

  it('refuses a probe timeout that is none', async () => {
    await expect(runCommand(inventory, ['--probe-timeout', '0'])).rejects.toMatchObject({
      code: 'usage.invalid',
    });
  });

  it('asks systeminformation where it is told to', async () => {
    const { hardware, identity } = await collectInventory('/', { portable: true });
    expect(hardware.cpu_threads).toBeGreaterThan(0);
    expect(hardware.memory_bytes).toBeGreaterThan(0);
    expect(hardware.memory_source).toBe('systeminformation mem()');
    expect(identity.identity_hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('asks systeminformation about no other machine', async () => {
    for (const asked of ['--portable', '--compare']) {
      await expect(runCommand(inventory, ['--root', machine, asked])).rejects.toMatchObject({
        code: 'config.invalid',
      });
    }
  });

  it('sets two inventories side by side', async () => {
    const ours = await collectInventory(machine);
    const theirs = { ...ours, hardware: { ...ours.hardware, cpu_cores: 7, disks: [] } };
    const lines = comparisonTable(ours, theirs).split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^cpu_cores +!= +- +7$/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^\/dev\/sda serial +!= +S3Z2NB0K654321 +-$/),
    );
    expect(lines.at(-2)).toBe('15 of 19 fields agree');
  });
});

describe('identify', () => {
  it('prints the identity', async () => {
    const { stdout } = await runCommand(identify, ['--root', machine]);
    expect(stdout).toMatchInlineSnapshot(`
      "primary MAC    52:54:00:ab:cd:01
      all MACs       52:54:00:ab:cd:01 52:54:00:ab:cd:02
      UUID           4c4c4544-0051-3510-8052-b4c04f4a3132
      machine-id     0123456789abcdef0123456789abcde0
      identity hash  739fd7a2706bde29da9e08c10eeedc77a90764353e9ef4266337f54053e31946
      "
    `);
  });

  it('explains every source, what was hashed and the hash', async () => {
    const { stdout } = await runCommand(identify, ['--root', machine, '--explain']);
    expect(stdout).toMatchInlineSnapshot(`
      "sources
        used      MAC         52:54:00:ab:cd:01
                              read from /sys/class/net/eth0
                              member of bond0: permanent address used
        used      MAC         52:54:00:ab:cd:02
                              read from /sys/class/net/eth1
                              member of bond0: permanent address used
        used      UUID        4c4c4544-0051-3510-8052-b4c04f4a3132
                              read from /sys/firmware/dmi/tables/DMI
        used      machine-id  0123456789abcdef0123456789abcde0
                              read from /etc/machine-id

      primary MAC   52:54:00:ab:cd:01: the firmware booted from it
      bytes hashed  105, the MACs sorted, then the UUID, then the machine-id:
                    52:54:00:ab:cd:01|52:54:00:ab:cd:02|4c4c4544-0051-3510-8052-b4c04f
                    4a3132|0123456789abcdef0123456789abcde0
      SHA-256       739fd7a2706bde29da9e08c10eeedc77a90764353e9ef4266337f54053e31946
      "
    `);
  });

  it('explains as data', async () => {
    const { stdout } = await runCommand(identify, ['--root', machine, '--explain', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      primary_mac: '52:54:00:ab:cd:01',
      explanation: { primary: 'the firmware booted from it' },
    });
  });
});

describe('capture', () => {
  it('writes a file for its owner alone, which replays to the same identity', async () => {
    const file = join(top, 'machine.tar.gz');
    const { code, stderr } = await runCommand(capture, ['--root', machine, '-o', file]);
    expect(code).toBe(0);
    expect(stderr).toContain('--redact');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [live, replayed] = await Promise.all(
      [machine, file].map((root) => runCommand(inventory, ['--root', root, '--json'])),
    );
    expect(replayed?.stdout).toBe(live?.stdout);
  });

  it('says which file it cannot write', async () => {
    await expect(
      runCommand(capture, ['--root', machine, '-o', '/nowhere/x.tar.gz']),
    ).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining('/nowhere/x.tar.gz'),
    });
    await expect(runCommand(capture, ['--root', machine])).rejects.toMatchObject({
      code: 'usage.invalid',
    });
  });
});

describe('a table', () => {
  it('is never wider than the console, and shows no control characters', () => {
    const rows = [
      ['\u001b[2Jevil', 'x'.repeat(100), null],
      ['b', 'y'.repeat(70), ''],
    ];
    const lines = columns(['A', 'B', 'C'], rows);
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    expect(lines[1]).toMatch(/^\?\[2Jevil {2}x{69}~$/);
    expect(lines[0]).not.toContain('C');
  });
});
