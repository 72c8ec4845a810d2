import { describe, expect, it } from 'vitest';
import { reboot } from '../../src/actions/reboot.ts';
import { parseBootVariables } from '../../src/actions/boot/efibootmgr.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { AppError } from '../../src/core/errors.ts';
import { MemoryRoot } from '../probes/memory-root.ts';
import { scriptedHost, workplace } from './workplace.ts';

const guid = '0123abcd-0000-0000-0000-00000000abcd';
const firmware = `BootCurrent: 0001
Timeout: 3 seconds
BootOrder: 0001,0003,0000
Boot0000* UiApp\tFvVol(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(462caa21)
Boot0001* UEFI PXEv4 (MAC:525400123456)\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.00.0.0.0,0,0)
Boot0002  Atlantic LAN disk\tPciRoot(0x0)/Pci(0x4,0x0)/NVMe(0x1)
Boot0003* debian\tHD(1,GPT,${guid.toUpperCase()},0x800,0x100000)/File(\\EFI\\debian\\shimx64.efi)
Boot0004* old style  HD(1,GPT,${guid},0x800,0x100000)/File(\\EFI\\BOOT\\BOOTX64.EFI)
`;
const sys = '/sys/class/block/sda';
const uefi = {
  '/sys/firmware/efi/fw_platform_size': '64',
  [`${sys}/sda1/partition`]: '1',
  [`${sys}/sda1/start`]: '2048',
  [`${sys}/sda1/size`]: '1048576',
  [`${sys}/sda1/dev`]: '8:1',
};

/** A machine whose programs do nothing, and where an hour passes in no time. */
function machine(files: Record<string, string> = uefi, fails: readonly string[] = []) {
  const clock = new ManualClock(new Date(0));
  const host = scriptedHost(
    MemoryRoot.of(files),
    (command) => {
      if (fails.some((start) => command.startsWith(start)))
        return new AppError('exec.failed', command);
      if (command === 'efibootmgr --verbose') return firmware;
      if (command.startsWith('partx --raw')) return '1 2048 1048576\n';
      if (command.startsWith('blkid')) return `PART_ENTRY_UUID=${guid}\n`;
      return '';
    },
    clock,
  );
  const place = workplace('/dev/sda', { host: { ...host, deviceNumber: async () => '8:1' } });
  const leave = async (fields = {}): Promise<number> => {
    const { leave: last } = await reboot.run({ action: 'reboot', ...fields }, place);
    const left = last?.();
    for (let minute = 0; minute < 60; minute += 1) await clock.advance(60_000);
    await left;
    return clock.elapsedMs();
  };
  return { host, place, leave, clock };
}

describe('reboot', () => {
  it('tells UEFI to boot the disk next, then syncs and reboots, and only when it is time to leave', async () => {
    const { host, place, leave } = machine();
    await reboot.run({ action: 'reboot' }, place);
    expect(host.commands).not.toContain('reboot');
    expect(host.commands.at(-1)).toBe('efibootmgr --quiet --bootnext 0003');
    await leave();
    expect(host.commands.slice(-3)).toEqual(['sync', 'reboot', 'tee /proc/sysrq-trigger < b']);
  });

  it('waits as long as it is told to', async () => {
    const { host, place, clock } = machine({});
    const { leave } = await reboot.run({ action: 'reboot', delay: 90 }, place);
    const left = leave?.();
    await clock.advance(89_000);
    expect(host.commands).toEqual([]);
    await clock.advance(1_000);
    expect(host.commands).toEqual(['sync', 'reboot']);
    await clock.advance(120_000);
    await left;
  });

  it('has the kernel reset the machine where there is no command for it', async () => {
    const { host, leave } = machine({}, ['reboot']);
    await leave();
    expect(host.commands).toEqual(['sync', 'reboot', 'tee /proc/sysrq-trigger < b']);
  });

  it('reboots all the same where a disk that hangs cannot be written out, and says so', async () => {
    const { host, place, leave } = machine({}, ['sync']);
    await leave();
    expect(host.commands).toEqual(['sync', 'reboot', 'tee /proc/sysrq-trigger < b']);
    expect(place.notes).toEqual([expect.stringContaining('could be written out')]);
  });

  it('reboots all the same where the firmware cannot be told', async () => {
    const { host, place, leave } = machine(uefi, ['efibootmgr']);
    await leave();
    expect(host.commands).toContain('reboot');
    expect(place.notes).toEqual([expect.stringContaining('not told')]);
  });
});

describe('the boot entries of the firmware', () => {
  it('are read with their labels, paths, partitions and ports', () => {
    const { current, order, entries } = parseBootVariables(firmware);
    expect([current, order]).toEqual(['0001', ['0001', '0003', '0000']]);
    expect(entries.map(({ number, label }) => [number, label])).toEqual([
      ['0000', 'UiApp'],
      ['0001', 'UEFI PXEv4 (MAC:525400123456)'],
      ['0002', 'Atlantic LAN disk'],
      ['0003', 'debian'],
      ['0004', 'old style'],
    ]);
    expect(entries.filter(({ isNetwork }) => isNetwork).map(({ mac }) => mac)).toEqual([
      '52:54:00:12:34:56',
    ]);
    expect(entries.map(({ partitionUuid }) => partitionUuid)).toEqual([
      undefined,
      undefined,
      undefined,
      guid,
      guid,
    ]);
  });

  it('may be none', () => {
    expect(parseBootVariables('No BootOrder is set; firmware will attempt recovery\n')).toEqual({
      current: undefined,
      order: [],
      entries: [],
    });
  });
});
