import { expect, it } from 'vitest';
import { inventoryTable } from '../../../src/cli/text/inventory-table.ts';
import { explainInventory } from '../../../src/inventory/inventory.ts';
import type { Disk } from '../../../src/model/hardware/disk.ts';
import { MemoryRoot } from '../../probes/memory-root.ts';

const disk = (device: string, contents?: Disk['contents']): Disk => ({
  device,
  size_bytes: 2 ** 30,
  model: null,
  vendor: null,
  serial: null,
  wwn: null,
  type: null,
  transport: 'sata',
  hctl: null,
  by_path: null,
  removable: false,
  read_only: false,
  virtual_media: false,
  paths: [],
  ...(contents && { contents }),
});

it('lists what the disks hold, where that was looked for', async () => {
  const { inventory } = await explainInventory(MemoryRoot.of({}));
  const table = (...disks: Disk[]): string =>
    inventoryTable({ ...inventory, hardware: { ...inventory.hardware, disks } });
  const held = [{ device: '/dev/sda1', type: 'ext4', label: 'root' }];
  const lines = table(disk('/dev/sda', held), disk('/dev/sdb', []), disk('/dev/sdc')).split('\n');
  const start = lines.indexOf('on the disks');
  expect(lines.slice(start + 1, start + 4).map((line) => line.trim().split(/ +/))).toEqual([
    ['DEVICE', 'HOLDS', 'LABEL'],
    ['/dev/sda1', 'ext4', 'root'],
    ['/dev/sdb', 'nothing', '-'],
  ]);
  expect(table(disk('/dev/sdc'))).not.toContain('on the disks');
});
