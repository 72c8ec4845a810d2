// `npm run boot`: a virtual machine boots by PXE from a local server and checks in. The demonstration
// that a newcomer runs second; it leaves nothing behind but the image in dist/boot.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/core/clock.ts';
import { createApp } from '../src/server/app.ts';
import { openStore } from '../src/store/open.ts';
import { ensureImage } from './ensure-image.ts';
import { chooseAccelerator, Vm } from './qemu.ts';
import { requireTools } from './tools.ts';

const { values } = parseArgs({
  options: {
    uefi: { type: 'boolean', default: false },
    console: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    memory: { type: 'string', default: '512' },
    nic: { type: 'string', default: 'e1000' },
    // More of QEMU's arguments, in one text.
    qemu: { type: 'string', default: '' },
  },
});

requireTools({
  'qemu-system-x86_64': 'qemu-system-x86',
  [`/usr/lib/ipxe/qemu/efi-${values.nic.replace(/-net-pci$/, '')}.rom`]: 'ipxe-qemu',
  ...(values.uefi ? { '/usr/share/OVMF/OVMF_VARS_4M.fd': 'ovmf' } : {}),
});
const dir = await ensureImage();
const accelerator = await chooseAccelerator(join(dir, 'x86_64', 'kernel'));
console.log(
  accelerator.name === 'kvm'
    ? 'processor: KVM'
    : `processor: emulated, so a boot takes half a minute or more (${accelerator.why})`,
);

const store = await openStore('memory:');
const started = systemClock.elapsedMs();
const say = (text: string): void => {
  console.log(`${((systemClock.elapsedMs() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
};
const { promise: checkedIn, resolve: onCheckin } = Promise.withResolvers<void>();
const app = await createApp({ store, clock: systemClock, boot: { dir, append: 'console=ttyS0' } }, [
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
const tftp = mkdtempSync(join(tmpdir(), 'dragonfly-tftp-'));
// QEMU's user network shows this host's loopback to the guest as 10.0.2.2.
const first = `#!ipxe\nchain --replace --autofree http://10.0.2.2:${port}/boot/start.ipxe\n`;
writeFileSync(join(tftp, 'start.ipxe'), first);

say(`power on: ${values.uefi ? 'UEFI' : 'BIOS'}, ${values.memory} MiB, ${values.nic}`);
const vm = new Vm({
  accelerator,
  memoryMiB: Number(values.memory),
  uefi: values.uefi,
  args: [
    ...['-machine', 'q35', '-netdev', `user,id=n0,tftp=${tftp},bootfile=start.ipxe`],
    ...['-device', `${values.nic},netdev=n0,bootindex=0`],
    ...values.qemu.split(' ').filter(Boolean),
  ],
  ...(values.console ? { onConsole: (text: string) => process.stdout.write(text) } : {}),
});
const { promise: interrupted, resolve: onInterrupt } = Promise.withResolvers<void>();
process.once('SIGINT', onInterrupt);
try {
  const failed = vm.ended.then(() => {
    throw new Error(`the machine ended before it checked in:\n${vm.console.slice(-2000)}`);
  });
  await Promise.race([checkedIn, interrupted, failed]);
  if (values.keep) {
    say(`the page for operators: http://127.0.0.1:${port}/ (Ctrl-C ends machine and server)`);
    await Promise.race([interrupted, vm.ended]);
  }
} finally {
  await vm.stop();
  rmSync(tftp, { recursive: true });
  app.server.closeAllConnections();
  await app.close();
  await store.close();
}
