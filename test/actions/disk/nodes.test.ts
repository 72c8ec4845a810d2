import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { openWhenFree, reloadPartitions } from '../../../src/actions/disk/nodes.ts';
import { readPartitions } from '../../../src/actions/disk/stack.ts';
import { loopDisk, type LoopDisk } from '../../sources/writing/loop.ts';
import { canInstall, needs } from '../installing.ts';
import { hastyHost, MiB, never, thisHost } from '../workplace.ts';

const options = { signal: never };

function writeTable(disk: LoopDisk, script: string): void {
  const args = ['--quiet', '--no-reread', '--no-tell-kernel', '--wipe=always', disk.path];
  execFileSync('/usr/sbin/sfdisk', args, { input: script, stdio: ['pipe', 'ignore', 'ignore'] });
}

async function kernelPartitions(disk: LoopDisk): Promise<number[][]> {
  const found = await readPartitions(thisHost().root, disk.path.slice('/dev/'.length));
  return found.map(({ number, start, sectors }) => [number, start, sectors]);
}

const mib = (count: number): number => (count * MiB) / 512;

describe.skipIf(!canInstall)(`the partitions of the kernel ${needs}`, () => {
  it('become those of the table, whatever was there before', async () => {
    using disk = loopDisk(64 * MiB);
    const tables = [
      ['size=3M\nsize=3M\nsize=3M', [1, 1, 3], [2, 4, 3], [3, 7, 3]],
      // Over the places of two old ones, which partx --update loses.
      ['size=16M\nsize=8M', [1, 1, 16], [2, 17, 8]],
      ['size=8M\n3: size=8M', [1, 1, 8], [3, 9, 8]],
      ['start=20M, size=4M', [1, 20, 4]],
    ] as const;
    for (const [script, ...expected] of tables) {
      writeTable(disk, `label: gpt\n${script}\n`);
      const devices = await reloadPartitions(thisHost(), disk.path, options);
      expect(await kernelPartitions(disk)).toEqual(
        expected.map(([number, start, size]) => [number, mib(start), mib(size)]),
      );
      expect([...devices]).toEqual(expected.map(([number]) => [number, `${disk.path}p${number}`]));
    }
  });

  it('are right with an extended one, and on sectors of 4096 bytes', async () => {
    using mbr = loopDisk(64 * MiB);
    writeTable(mbr, 'label: dos\nsize=8M\nsize=20M, type=5\n5: size=4M\n');
    using large = loopDisk(64 * MiB, 4096);
    writeTable(large, 'label: gpt\nsize=8M\nsize=4M\n');
    for (const _ of ['new', 'known already']) {
      const devices = await reloadPartitions(thisHost(), mbr.path, options);
      expect([...devices.keys()]).toEqual([1, 2, 5]);
      await reloadPartitions(thisHost(), large.path, options);
      expect(await kernelPartitions(large)).toEqual([
        [1, mib(1), mib(8)],
        [2, mib(9), mib(4)],
      ]);
    }
  });

  it('wait for one that somebody looks at', async () => {
    using disk = loopDisk(64 * MiB);
    writeTable(disk, 'label: gpt\nsize=3M\nsize=3M\n');
    await reloadPartitions(thisHost(), disk.path, options);
    const reader = await thisHost().openDisk(`${disk.path}p1`, 'read');
    writeTable(disk, 'label: gpt\nsize=16M\n');
    const reloaded = reloadPartitions(thisHost(), disk.path, options);
    setTimeout(() => void reader.close(), 500);
    await reloaded;
    expect(await kernelPartitions(disk)).toEqual([[1, mib(1), mib(16)]]);
  });

  it('are not given where a device file leads to another device', async () => {
    using disk = loopDisk(64 * MiB);
    writeTable(disk, 'label: gpt\nsize=3M\n');
    const host = { ...hastyHost(), deviceNumber: async () => '8:1' };
    await expect(reloadPartitions(host, disk.path, options)).rejects.toMatchObject({
      code: 'disk.failed',
      message: `partition 1 of ${disk.path} did not appear within 30 s`,
    });
  });
});

it.skipIf(!canInstall)(`a disk is opened when it is free ${needs}`, async () => {
  using disk = loopDisk(8 * MiB);
  const claimed = await thisHost().openDisk(disk.path, 'write');
  const opened = openWhenFree(thisHost(), disk.path, options);
  setTimeout(() => void claimed.close(), 300);
  const file = await opened;
  await file.close();
  expect(file.path).toBe(disk.path);
});
