// The real efibootmgr, over a tree of files in place of the firmware's variables.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ActionContext, Fields } from '../../src/actions/action.ts';
import { parseBootVariables } from '../../src/actions/boot/efibootmgr.ts';
import { efibootmgr } from '../../src/actions/efibootmgr.ts';
import { HostRoot } from '../../src/sources/host.ts';
import { has, type LoopDisk } from '../sources/writing/loop.ts';
import { scratch } from './images.ts';
import { canInstall, needs } from './installing.ts';
import { systemDisk } from './systems.ts';
import { thisHost, workplace } from './workplace.ts';

const canOrder = canInstall && has('efibootmgr');
const global = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const espType = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const attributes = Buffer.from([7, 0, 0, 0]);

/** Nodes of device paths. Source: UEFI specification 2.10, 10.3. */
const node = (type: number, subtype: number, data: Buffer): Buffer => {
  const head = Buffer.from([type, subtype, 0, 0]);
  head.writeUInt16LE(4 + data.length, 2);
  return Buffer.concat([head, data]);
};
const end = node(0x7f, 0xff, Buffer.alloc(0));
const pci = Buffer.concat([
  node(2, 1, Buffer.from('d041030a00000000', 'hex')),
  node(1, 1, Buffer.from([0, 3])),
]);
const mac = (address: string): Buffer => {
  const padded = Buffer.alloc(33);
  Buffer.from(address.replaceAll(':', ''), 'hex').copy(padded);
  padded[32] = 1;
  return node(3, 11, padded);
};
const ipv4 = node(3, 12, Buffer.alloc(23));

/** A machine that started by UEFI; its variables are files, its disk the only one that it has. */
function machine(disk: LoopDisk, commandLine = '') {
  const files = scratch();
  const directory = files.path('efivars/');
  mkdirSync(directory);
  const set = (name: string, content: Buffer): void =>
    writeFileSync(`${directory}${name}-${global}`, Buffer.concat([attributes, content]));
  const numbers = (...list: number[]): Buffer => Buffer.from(new Uint16Array(list).buffer);
  const env = { LIBEFIVAR_OPS: 'efivarfs', EFIVARFS_PATH: directory };
  class Root extends HostRoot {
    override async list(path: string): Promise<readonly string[] | undefined> {
      if (path === '/sys/firmware/efi') return ['efivars'];
      return path === '/sys/class/block' ? [disk.path.slice(5)] : await super.list(path);
    }
    override async text(path: string): Promise<string | undefined> {
      if (path === '/sys/firmware/efi/fw_platform_size') return '64\n';
      return path === '/proc/cmdline' ? commandLine : await super.text(path);
    }
  }
  const host = { ...thisHost(), root: new Root() };
  const run: typeof host.run = (program, args, options) =>
    host.run(program, args, program === 'efibootmgr' ? { ...options, env } : options);
  return {
    host: { ...host, run },
    order: (...list: number[]) => set('BootOrder', numbers(...list)),
    current: (number: number) => set('BootCurrent', numbers(number)),
    entry(number: number, label: string, path: Buffer, isActive = true) {
      const size = Buffer.alloc(6);
      size.writeUInt32LE(isActive ? 1 : 0, 0);
      size.writeUInt16LE(path.length + end.length, 4);
      const content = [size, Buffer.from(`${label}\0`, 'utf16le'), path, end];
      set(`Boot${number.toString(16).toUpperCase().padStart(4, '0')}`, Buffer.concat(content));
    },
    variables() {
      const said = execFileSync('efibootmgr', ['-v'], {
        env: { ...process.env, ...env, LC_ALL: 'C' },
        encoding: 'utf8',
      });
      return parseBootVariables(said);
    },
    files: () => readdirSync(directory),
    [Symbol.dispose]() {
      execFileSync('chattr', ['-R', '-i', directory]);
      rmSync(directory, { recursive: true });
      files[Symbol.dispose]();
    },
  };
}

type Machine = ReturnType<typeof machine>;

/** Entries of all kinds: a network port, a disk that is gone, the shell, and another port. */
function usual(firmware: Machine): void {
  const gone = Buffer.concat([
    Buffer.from([1, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0]),
    Buffer.alloc(16, 0xab),
    Buffer.from([2, 2]),
  ]);
  firmware.entry(0, 'Shell', node(4, 6, Buffer.alloc(16, 1)));
  firmware.entry(1, 'old system', node(4, 1, gone));
  firmware.entry(2, 'Port 1', Buffer.concat([pci, mac('52:54:00:00:00:01'), ipv4]));
  firmware.entry(3, 'Port 2 IPv4', Buffer.concat([pci, mac('52:54:00:00:00:02'), ipv4]));
  // It looks like a network's by its name alone.
  firmware.entry(4, 'Atlantic LAN', pci);
  firmware.order(1, 0, 4, 2);
}

const csv = `printf '\\377\\376' > boot/EFI/debian/BOOTX64.CSV
  printf 'shimx64.efi,Debian 12,,This is the boot entry\\n' | iconv -t UTF-16LE >> boot/EFI/debian/BOOTX64.CSV`;
const withLoader = (files = 'debian/shimx64.efi debian/grubx64.efi BOOT/BOOTX64.EFI', more = csv) =>
  systemDisk({
    type: espType,
    script: `mount "$DISK"p1 boot
      for f in ${files}; do mkdir -p boot/EFI/$(dirname $f); : > boot/EFI/$f; done
      ${more}
      umount boot`,
  });

async function order(
  disk: LoopDisk,
  { host }: Machine,
  fields: Partial<Fields<'efibootmgr'>> = {},
  more: Partial<ActionContext> = {},
) {
  const place = workplace(disk.path, { host, ...more });
  return { report: await efibootmgr.run({ action: 'efibootmgr', ...fields }, place), place };
}

const x64 = process.arch === 'x64';

describe.skipIf(!canOrder || !x64)(`efibootmgr ${needs}`, () => {
  it('puts the network first, the installed system next, and removes what leads nowhere', async () => {
    using disk = withLoader();
    using firmware = machine(disk, 'quiet BOOTIF=01-52-54-00-00-00-02');
    usual(firmware);
    const { report } = await order(disk, firmware);
    const { order: numbers, entries } = firmware.variables();
    const labels = numbers.map((number) => entries.find((entry) => entry.number === number)?.label);
    expect(labels).toEqual(['Port 2 IPv4', 'Port 1', 'Debian 12', 'Shell', 'Atlantic LAN']);
    expect(entries.map(({ label }) => label)).not.toContain('old system');
    expect(entries.find(({ label }) => label === 'Debian 12')?.path).toMatch(
      /^HD\(1,GPT,.*\)\/File\(\\EFI\\debian\\shimx64\.efi\)/,
    );
    expect(report.details).toMatchObject({
      first: 'Port 2 IPv4',
      installed: 'Debian 12',
      removed: 'old system',
    });
  });

  it('changes nothing the second time', async () => {
    using disk = withLoader();
    using firmware = machine(disk);
    usual(firmware);
    await order(disk, firmware);
    const [before, files] = [firmware.variables(), firmware.files()];
    const { report } = await order(disk, firmware);
    expect([firmware.variables(), firmware.files()]).toEqual([before, files]);
    expect(report.details).toMatchObject({ removed: null });
  });

  it('prefers the entry of this boot, and what the template calls it', async () => {
    using disk = systemDisk();
    using firmware = machine(disk);
    usual(firmware);
    firmware.current(3);
    const first = async (fields = {}) =>
      (await order(disk, firmware, fields)).report.details?.['first'];
    expect(await first()).toBe('Port 2 IPv4');
    expect(await first({ pxe_boot_label: 'port 1' })).toBe('Port 1');
    const { place } = await order(disk, firmware, { pxe_boot_label: 'LAN' });
    expect(place.notes.join('\n')).toContain(
      'no network entry is called "LAN": Port 1, Port 2 IPv4',
    );
  });

  it('switches on what is to be tried first', async () => {
    using disk = systemDisk();
    using firmware = machine(disk);
    firmware.entry(0, 'Port 1', Buffer.concat([pci, mac('52:54:00:00:00:01'), ipv4]), false);
    firmware.order(0);
    await order(disk, firmware);
    expect(firmware.variables().entries).toMatchObject([{ isActive: true }]);
  });

  it('leaves the network where it is when told so, with the installed system before the rest', async () => {
    using disk = withLoader();
    using firmware = machine(disk);
    usual(firmware);
    const { report } = await order(disk, firmware, { set_pxe_first: false });
    const { order: numbers, entries } = firmware.variables();
    expect(numbers.map((number) => entries.find((one) => one.number === number)?.label)).toEqual([
      'Debian 12',
      'Shell',
      'Atlantic LAN',
      'Port 1',
    ]);
    expect(report.details).toMatchObject({ installed: 'Debian 12' });
  });

  it.each<[string, string, string, string]>([
    ['GRUB without shim', 'fedora/grubx64.efi', '\\EFI\\fedora\\grubx64.efi', 'fedora'],
    [
      'systemd-boot',
      'systemd/systemd-bootx64.efi BOOT/BOOTX64.EFI',
      '\\EFI\\systemd\\systemd-bootx64.efi',
      'systemd',
    ],
    ['the fall-back alone', 'boot/bootx64.efi', '\\EFI\\boot\\bootx64.efi', 'installed system'],
  ])('finds %s', async (_, files, path, label) => {
    using disk = withLoader(files, ':');
    using firmware = machine(disk);
    await order(disk, firmware);
    expect(firmware.variables().entries).toMatchObject([
      { label, path: expect.stringContaining(`File(${path})`) },
    ]);
  });

  it('says where there is nothing to lead to, or no network', async () => {
    using none = systemDisk();
    using foreign = withLoader('debian/shimaa64.efi', ':');
    for (const [disk, note] of [
      [none, 'no EFI system partition'],
      [foreign, 'no boot loader for this machine'],
    ] as const) {
      using firmware = machine(disk);
      const { place } = await order(disk, firmware);
      expect(place.notes).toEqual([
        expect.stringContaining(note),
        'UEFI has no entry that boots from the network',
      ]);
    }
  });

  it('removes nothing where a partition cannot be read', async () => {
    using disk = systemDisk();
    using firmware = machine(disk);
    usual(firmware);
    const { host } = firmware;
    const blind: typeof host.run = (program, args, options) =>
      program === 'blkid' ? host.run('true', [], options) : host.run(program, args, options);
    await order(disk, { ...firmware, host: { ...host, run: blind } });
    expect(firmware.variables().entries.map(({ label }) => label)).toContain('old system');
  });

  it('fails where the firmware does not keep the order', async () => {
    using disk = systemDisk();
    using firmware = machine(disk);
    usual(firmware);
    const { host } = firmware;
    const forgetful: typeof host.run = async (program, args, options) =>
      args.includes('--bootorder') ? '' : await host.run(program, args, options);
    await expect(
      order(disk, { ...firmware, host: { ...host, run: forgetful } }),
    ).rejects.toMatchObject({
      code: 'firmware.failed',
      message: expect.stringContaining('and has'),
    });
  });

  it('does nothing on a machine without UEFI, and nothing about a disk where there is none', async () => {
    using disk = systemDisk();
    const bios = await efibootmgr.run({ action: 'efibootmgr' }, workplace(disk.path));
    expect(bios.message).toContain('did not start by UEFI');
    using firmware = machine(disk);
    usual(firmware);
    const { report } = await order(disk, firmware, {}, { knownDisk: async () => undefined });
    expect(report.details).toMatchObject({ first: 'Port 1', installed: null });
  });
});
