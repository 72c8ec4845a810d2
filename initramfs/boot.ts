// `npm run boot`: boots a virtual machine over PXE from a local server until it checks in. It is the second
// command a newcomer runs, and leaves nothing behind but the image in dist/boot.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../src/cli/command.ts';
import { systemClock } from '../src/core/clock.ts';
import { createApp } from '../src/server/app.ts';
import { openStore } from '../src/store/open.ts';
import { architectures, archs, type Arch } from './arch.ts';
import { runProgram } from './command-line.ts';
import { ensureImage } from './ensure-image.ts';
import { anyRom, fromNetwork, handedOver, requireRom } from './machine/pxe.ts';
import { chooseAccelerator, Vm } from './machine/qemu.ts';
import { profiles, type Profile } from './content/profiles.ts';
import { requireTools } from './tools.ts';
import { aborted, narrator, watch, type Say } from './machine/watch.ts';
import { words } from './machine/words.ts';

const boot = command({
  name: 'boot',
  describe:
    'boot a virtual machine by PXE from the netboot image, against a local server, until it has checked in; builds the image if need be',
  options: {
    arch: {
      type: 'string',
      default: 'x64',
      choices: archs,
      describe:
        "the machine's processor; for arm64 Debian has no iPXE: QEMU hands kernel and initramfs to UEFI",
    },
    profile: {
      type: 'string',
      default: 'virt',
      choices: profiles,
      describe: 'the drivers of the image: of virtual machines, or of servers too',
    },
    uefi: { type: 'boolean', describe: 'UEFI firmware instead of a BIOS' },
    nic: {
      type: 'string',
      value: 'MODEL',
      describe: 'the network card, as QEMU names it (default: e1000; for arm64 virtio-net-pci)',
    },
    memory: { type: 'number', default: 512, range: [1, 9_999_999], value: 'MIB', describe: 'RAM' },
    qemu: {
      type: 'string',
      default: '',
      value: 'ARGUMENTS',
      describe: "more arguments for QEMU, in one text, quoted as for a shell: --qemu='-smp 4'",
    },
    timeout: {
      type: 'number',
      default: 600,
      range: [1, 86_400],
      value: 'SECONDS',
      describe: 'how long to wait for the check-in',
    },
    console: { type: 'boolean', describe: 'show what the machine prints' },
    keep: { type: 'boolean', describe: 'keep machine and server running until Ctrl-C' },
  },
  async run({ arch, profile, uefi, nic, memory, qemu, timeout, console: showConsole, keep }, io) {
    await demonstrate({
      arch,
      profile,
      timeout,
      // arm64 servers have no BIOS.
      uefi: uefi || arch === 'arm64',
      memoryMiB: memory,
      nic: nic ?? (arch === 'arm64' ? 'virtio-net-pci' : 'e1000'),
      args: words(qemu),
      console: showConsole,
      keep,
      signal: io.signal,
    });
    return 0;
  },
});

interface Demonstration {
  readonly arch: Arch;
  readonly profile: Profile;
  /** Units: seconds. */
  readonly timeout: number;
  readonly uefi: boolean;
  readonly memoryMiB: number;
  readonly nic: string;
  readonly args: readonly string[];
  readonly console: boolean;
  readonly keep: boolean;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A server in memory that tells each request, with the seconds since now. */
async function startServer(dir: string, append: string, say: Say) {
  const store = await openStore('memory:');
  const { promise: checkedIn, resolve: onCheckin } = Promise.withResolvers<void>();
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
  return { app, store, checkedIn };
}

async function demonstrate(wanted: Demonstration): Promise<void> {
  const { arch, uefi, memoryMiB, nic } = wanted;
  requirePrograms(wanted);
  const dir = await ensureImage(arch, wanted.profile);
  const image = join(dir, architectures[arch].boot);
  const accelerator = await chooseAccelerator(join(image, 'kernel'), arch);
  console.log(
    accelerator.name === 'kvm'
      ? 'processor: KVM'
      : `processor: emulated, so a boot takes half a minute or more (${accelerator.why})`,
  );
  const append = `console=${architectures[arch].qemu.console}`;
  const { say, quietForMs } = narrator();
  const { app, store, checkedIn } = await startServer(dir, append, say);
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
  try {
    const { timeout: limit, signal } = wanted;
    const tell = wanted.console ? undefined : say;
    await watch({ vm, work: checkedIn, until: 'checked in', limit, signal, tell }, quietForMs);
    if (wanted.keep) {
      say(`the page for operators: http://127.0.0.1:${port}/ (Ctrl-C ends machine and server)`);
      await Promise.race([aborted(signal), vm.ended]).catch(() => {});
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
    ...(arch === 'x64' ? { [anyRom]: 'ipxe-qemu' } : {}),
  });
  if (arch === 'x64') requireRom(nic);
}

function fromQemu(image: string, parameters: string, nic: string): string[] {
  return [
    ...handedOver(image, parameters),
    ...['-netdev', 'user,id=n0', '-device', `${nic},netdev=n0,romfile=`],
  ];
}

await runProgram(boot);
