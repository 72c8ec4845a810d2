// `npm run boot`: boots a virtual machine over PXE from a local server until it checks in. It is the second
// command a newcomer runs, and leaves nothing behind but the image in dist/boot.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/core/clock.ts';
import { createApp } from '../src/server/app.ts';
import { openStore } from '../src/store/open.ts';
import { architectures, parseArch, type Arch } from './arch.ts';
import { runProgram, unusable } from './command-line.ts';
import { ensureImage } from './ensure-image.ts';
import { chooseAccelerator, Vm } from './qemu.ts';
import { requireTools } from './tools.ts';

const usage = `usage: npm run boot -- [options]

Builds the netboot image if need be, boots a virtual machine from it by PXE against a local
server, and ends when the machine has checked in.

  --arch x64|arm64  the machine's processor (x64). For arm64 Debian has no iPXE: UEFI is handed
                    kernel and initramfs by QEMU
  --uefi            UEFI firmware instead of a BIOS
  --nic MODEL       the network card, as QEMU names it (e1000; for arm64 virtio-net-pci)
  --memory MIB      (512)
  --qemu ARGUMENTS  more arguments for QEMU, in one text: --qemu='-smp 4'
  --console         shows what the machine prints
  --keep            keeps machine and server running until Ctrl-C`;

const roms = '/usr/lib/ipxe/qemu';

const options = {
  arch: { type: 'string', default: 'x64' },
  uefi: { type: 'boolean', default: false },
  console: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
  memory: { type: 'string', default: '512' },
  nic: { type: 'string' },
  qemu: { type: 'string', default: '' },
} as const;

await runProgram(usage, options, async ({ nic, ...values }) => {
  const arch = parseArch(values.arch);
  if (!/^[1-9]\d{0,6}$/.test(values.memory)) {
    throw unusable('memory', values.memory, 'it is a number of MiB');
  }
  await demonstrate({
    ...values,
    arch,
    // arm64 servers have no BIOS.
    uefi: values.uefi || arch === 'arm64',
    memoryMiB: Number(values.memory),
    nic: nic ?? (arch === 'arm64' ? 'virtio-net-pci' : 'e1000'),
    args: values.qemu.split(' ').filter(Boolean),
  });
});

interface Demonstration {
  readonly arch: Arch;
  readonly uefi: boolean;
  readonly memoryMiB: number;
  readonly nic: string;
  readonly args: readonly string[];
  readonly console: boolean;
  readonly keep: boolean;
}

async function demonstrate(wanted: Demonstration): Promise<void> {
  const { arch, uefi, memoryMiB, nic } = wanted;
  requirePrograms(wanted);
  const dir = await ensureImage(arch);
  const image = join(dir, architectures[arch].boot);
  const accelerator = await chooseAccelerator(join(image, 'kernel'), arch);
  console.log(
    accelerator.name === 'kvm'
      ? 'processor: KVM'
      : `processor: emulated, so a boot takes half a minute or more (${accelerator.why})`,
  );
  const store = await openStore('memory:');
  const started = systemClock.elapsedMs();
  const say = (text: string): void => {
    console.log(
      `${((systemClock.elapsedMs() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`,
    );
  };
  const { promise: checkedIn, resolve: onCheckin } = Promise.withResolvers<void>();
  const append = `console=${architectures[arch].qemu.console}`;
  const app = await createApp({ store, clock: systemClock, boot: { dir, append } }, [
    (instance) => {
      instance.addHook('onSend', async (request, reply, payload) => {
        const name = request.url.startsWith('/boot/') ? 'fetched' : 'called';
        say(`${name} ${request.method} ${request.url} (${reply.statusCode})`);
        if (request.url !== '/api/agent/checkin' || reply.statusCode !== 200) return;
        console.log(JSON.stringify(JSON.parse(String(payload)), null, 2));
        onCheckin();
      });
    },
  ]);
  const port = new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port;
  // QEMU's user network shows this host's loopback to the guest as 10.0.2.2.
  const url = `http://10.0.2.2:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-tftp-'));
  const from =
    arch === 'x64'
      ? fromNetwork(folder, url, nic)
      : fromQemu(image, `${append} dragonfly.url=${url}`, nic);

  say(`power on: ${uefi ? 'UEFI' : 'BIOS'}, ${memoryMiB} MiB, ${nic}`);
  const vm = new Vm({
    accelerator,
    memoryMiB,
    uefi,
    args: [...from, ...wanted.args],
    ...(wanted.console ? { onConsole: (text: string) => process.stdout.write(text) } : {}),
  });
  const { promise: interrupted, resolve: onInterrupt } = Promise.withResolvers<void>();
  process.once('SIGINT', onInterrupt);
  try {
    const failed = vm.ended.then(() => {
      throw new Error(`the machine ended before it checked in:\n${vm.console.slice(-2000)}`);
    });
    await Promise.race([checkedIn, interrupted, failed]);
    if (wanted.keep) {
      say(`the page for operators: http://127.0.0.1:${port}/ (Ctrl-C ends machine and server)`);
      await Promise.race([interrupted, vm.ended]);
    }
  } finally {
    await vm.stop();
    rmSync(folder, { recursive: true });
    app.server.closeAllConnections();
    await app.close();
    await store.close();
  }
}

/** Errors: AppError `usage.invalid` for a network card that cannot boot. */
function requirePrograms({ arch, uefi, nic }: Demonstration): void {
  const { qemu } = architectures[arch];
  requireTools({
    [qemu.program]: qemu.package,
    ...(uefi ? { [qemu.variables]: qemu.firmwarePackage } : {}),
    ...(arch === 'x64' ? { [`${roms}/efi-e1000.rom`]: 'ipxe-qemu' } : {}),
  });
  if (arch === 'x64' && !existsSync(`${roms}/efi-${romName(nic)}.rom`)) {
    throw unusable('nic', nic, `iPXE has no ROM for it in ${roms}`);
  }
}

/** One ROM serves a family of cards: "virtio-net-pci-transitional" has "virtio". */
function romName(nic: string): string {
  const [family = nic] = nic.split('-');
  return family.startsWith('i82') ? 'eepro100' : family;
}

/** iPXE, which the card's ROM holds, loads a script by TFTP, and from there all by HTTP. */
function fromNetwork(folder: string, url: string, nic: string): string[] {
  const first = `#!ipxe\nchain --replace --autofree ${url}/boot/start.ipxe\n`;
  writeFileSync(join(folder, 'start.ipxe'), first);
  return [
    ...['-machine', 'q35', '-netdev', `user,id=n0,tftp=${folder},bootfile=start.ipxe`],
    ...['-device', `${nic},netdev=n0,bootindex=0`],
  ];
}

function fromQemu(image: string, parameters: string, nic: string): string[] {
  return [
    ...['-kernel', join(image, 'kernel'), '-initrd', join(image, 'initramfs')],
    ...['-append', `${parameters} dragonfly.mode=discovery`],
    ...['-netdev', 'user,id=n0', '-device', `${nic},netdev=n0,romfile=`],
  ];
}
