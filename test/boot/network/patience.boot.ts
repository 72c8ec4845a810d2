// Servers that are late, break off, hang or never come, as iPXE itself meets them.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startScript } from '../../../src/netboot/boot-script.ts';
import { grubConfig, grubStartScript } from '../../../src/netboot/grub-script.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { bootDir, BootServer, canBoot, runsAll, startVm, steadyClock } from '../harness.ts';
import { efiDisk, nextDisk, says } from '../speaking-disk.ts';
import { wayTo, type Mishap } from './bad-way.ts';

/** QEMU's arguments for a machine that has the first script from TFTP. */
function network(port: number, giveUpSeconds: number): string[] {
  return networkOf(`http://10.0.2.2:${port}`, giveUpSeconds);
}

function networkOf(url: string, giveUpSeconds: number, machine = 'q35'): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-tftp-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(folder, 'start.ipxe'), startScript(url, giveUpSeconds));
  return [
    ...['-machine', machine, '-netdev', `user,id=n0,tftp=${folder},bootfile=start.ipxe`],
    ...['-device', 'virtio-net-pci,netdev=n0,bootindex=0,mac=52:54:00:00:09:01'],
  ];
}

/** Does to each of these requests, once each and in turn, what a bad day does. */
function badDay(): Mishap {
  const done = new Set<string>();
  return ({ url = '' }, response) => {
    const [name] = /kernel|initramfs|52-54/.exec(url) ?? [];
    if (name === undefined || done.has(name)) return false;
    done.add(name);
    if (name === 'kernel') {
      // Reset in the middle.
      response.writeHead(200, { 'content-length': 8_000_000 });
      response.write(Buffer.alloc(100_000), () => response.socket?.resetAndDestroy());
    } else if (name === 'initramfs') {
      // Hangs, the connection open.
      response.writeHead(200, { 'content-length': 30_000_000 });
      response.write(Buffer.alloc(5_000_000));
    } else {
      response.writeHead(500).end();
    }
    return true;
  };
}

it.skipIf(!canBoot).for([
  ['BIOS', false, true],
  ['UEFI', true, runsAll],
] as const)(
  'a machine checks in after a refusal, a reset and a server that hung: %s (60 s)',
  async ([, uefi, isWanted], { skip }) => {
    if (!isWanted) skip();
    const server = await BootServer.start();
    const { port, asked } = await wayTo(server, badDay());
    const vm = startVm(network(port, 300), { uefi });
    await server.checkin(vm);
    expect(asked.filter((path) => path.endsWith('/kernel'))).toHaveLength(2);
    expect(asked.filter((path) => path.endsWith('/initramfs'))).toHaveLength(2);
  },
);

const refusal: Mishap = (_request, response) => {
  response.destroy();
  return true;
};

it.skipIf(!runsAll)(
  'a BIOS machine with an empty disk starts over when no server comes (27 s)',
  async () => {
    const server = await BootServer.start();
    const { port, asked } = await wayTo(server, refusal);
    const vm = startVm([...network(port, 8), '-no-reboot']);
    await vm.ended;
    expect(asked.length).toBeGreaterThanOrEqual(4);
  },
);

it.skipIf(!runsAll)(
  'a BIOS machine starts over when its server takes requests and never answers (75 s)',
  async () => {
    const server = await BootServer.start();
    const { port, asked } = await wayTo(server, () => true);
    const vm = startVm([...network(port, 8), '-no-reboot']);
    await vm.ended;
    expect(asked.length).toBeGreaterThanOrEqual(4);
  },
);

it.skipIf(!runsAll)('iPXE counts the time for which nobody answers (2 min)', async () => {
  // Nobody has this address. Without a screen the firmware prints on the console, and so does iPXE.
  const args = networkOf('http://10.0.2.77', 30, 'q35,graphics=off');
  const vm = startVm([...args, ...steadyClock, '-rtc', 'clock=vm', '-no-reboot']);
  await vm.ended;
  expect(vm.console).toContain('That failed (try 4 of 6). Trying again in 8 s.');
  expect(vm.console).toContain('That failed (try 5 of 6). Trying again in 6 s.');
});

it.skipIf(!runsAll)('a UEFI machine goes on to its disk when no server comes (4 min)', async () => {
  const server = await BootServer.start();
  const { port, asked } = await wayTo(server, refusal);
  const disk = join(temporaryDirectory(), 'disk');
  efiDisk(disk, '/EFI/BOOT/BOOTX64.EFI');
  const vm = startVm([...network(port, 8), ...nextDisk(disk)], { uefi: true });
  // Its firmware first tries the port in ways of its own.
  await vm.waitFor(new RegExp(says), 480_000);
  expect(asked.length).toBeGreaterThanOrEqual(4);
});

/** A folder of TFTP with shim, GRUB, and a first script that asks this device for all else. */
function grubFolder(device: string, giveUpSeconds: number): string {
  const folder = temporaryDirectory();
  for (const name of ['shimx64.efi', 'grubx64.efi']) {
    copyFileSync(join(bootDir, 'x86_64', name), join(folder, name));
  }
  const script = grubStartScript('http://10.0.2.2', giveUpSeconds);
  mkdirSync(join(folder, 'grub'));
  const own = script.replaceAll(`/${grubConfig}`, `${device}/${grubConfig}`);
  writeFileSync(join(folder, 'grub', 'grub.cfg'), own);
  return folder;
}

it.skipIf(!runsAll).each([
  // Nobody has this address: GRUB asks for half a minute.
  ['nobody answers', '(tftp,10.0.2.77)', 2],
  ['a server refuses', '(tftp,10.0.2.2)', 8],
])(
  'GRUB gives up after a minute where %s, and starts the disk (2 min)',
  async (_name, at, tries) => {
    const folder = grubFolder(at, 60);
    const disk = join(temporaryDirectory(), 'disk');
    efiDisk(disk);
    const vm = startVm(
      [
        ...['-machine', 'q35', '-netdev', `user,id=n0,tftp=${folder},bootfile=shimx64.efi`],
        ...['-device', 'virtio-net-pci,netdev=n0,bootindex=0,romfile=', ...nextDisk(disk)],
        ...steadyClock,
      ],
      { uefi: true },
    );
    await vm.waitFor(new RegExp(says), 600_000);
    expect(vm.console.match(/Asking http/g)).toHaveLength(tries);
  },
);
