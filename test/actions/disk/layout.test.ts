import { describe, expect, it } from 'vitest';
import { layOut, type Layout } from '../../../src/actions/disk/layout.ts';

const MiB = 1024 * 1024;
const disk = (sizeMiB: number, sectorBytes = 512) => ({
  path: '/dev/sdx',
  sizeBytes: sizeMiB * MiB + 3 * sectorBytes,
  sectorBytes,
});
const inMiB = (layout: Layout, sizes: Parameters<typeof layOut>[1], at = disk(4096)) =>
  layOut(layout, sizes, at).map(({ number, role, start, size }) => [
    number,
    role,
    (start * at.sectorBytes) / MiB,
    (size * at.sectorBytes) / MiB,
  ]);

describe('the partitions of a layout', () => {
  it('are numbered as Dragonfly numbers them, on whole MiB, the root with what is left', () => {
    expect(inMiB('gpt-efi', {})).toEqual([
      [1, 'esp', 1, 512],
      [2, 'root', 513, 3582],
    ]);
    expect(inMiB('gpt-efi', { efiSize: '64M', swapSize: '1G' })).toEqual([
      [1, 'esp', 1, 64],
      [2, 'swap', 65, 1024],
      [3, 'root', 1089, 3006],
    ]);
    expect(inMiB('gpt-bios', {})).toEqual([
      [1, 'bios', 1, 1],
      [2, 'root', 2, 4093],
    ]);
    expect(inMiB('single', {})).toEqual([[1, 'root', 1, 4094]]);
  });

  it('lie on the same bytes where sectors have 4096', () => {
    for (const layout of ['gpt-efi', 'gpt-bios', 'single'] as const) {
      expect(inMiB(layout, {}, disk(4096, 4096))).toEqual(inMiB(layout, {}));
    }
  });

  it('are refused on a disk that is too small, and an ESP that firmware does not read', () => {
    expect(() => layOut('gpt-efi', {}, disk(512))).toThrow('choose a larger disk');
    const small = disk(200);
    expect(() => layOut('single', { filesystem: 'xfs' }, small)).toThrow('with xfs');
    expect(layOut('single', { filesystem: 'btrfs' }, small)).toHaveLength(1);
    expect(() => layOut('gpt-efi', { efiSize: '32M' }, disk(4096))).toThrow('at least 33M');
    expect(() => layOut('gpt-efi', { efiSize: '200M' }, disk(4096, 4096))).toThrow('260M');
  });
});
