// Measures the netboot image: its size, the least memory it boots with, and the time from the kernel's start
// to an answered check-in, against the same image with busybox's wget and a prepared body for an agent.
// Needs QEMU; uses KVM where guests run under it, else emulation.
import { rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureImage } from '../initramfs/ensure-image.ts';
import { overlayImage } from '../initramfs/content/overlay.ts';
import { handedOver } from '../initramfs/machine/pxe.ts';
import { chooseAccelerator, Vm } from '../initramfs/machine/qemu.ts';
import { cacheDir } from '../initramfs/tools.ts';
import { systemClock } from '../src/core/clock.ts';
import { createApp } from '../src/server/app.ts';
import { openStore } from '../src/store/open.ts';

const runs = 3;
const bootMs = 240_000;

const virt = join(await ensureImage(), 'x86_64');
const serverDir = join(cacheDir, 'bench-server');
const server = join(await ensureImage('x64', 'server', serverDir), 'x86_64');
const accelerator = await chooseAccelerator(join(virt, 'kernel'));
console.log(`processor: ${accelerator.name} ${accelerator.why ?? ''}`);

for (const [name, folder, target] of [
  ['virt', virt, 40],
  ['server', server, 55],
] as const) {
  const [kernel, initramfs] = ['kernel', 'initramfs'].map(
    (f) => statSync(join(folder, f)).size / 1e6,
  );
  const sum = (kernel ?? 0) + (initramfs ?? 0);
  console.log(
    `${name}: kernel ${kernel?.toFixed(1)} + initramfs ${initramfs?.toFixed(1)} = ${sum.toFixed(1)} MB` +
      ` (target <= ${target}; a Go agent of the field takes 116, a Python one 98)`,
  );
}

const store = await openStore('memory:');
let body = '';
let onCheckin: () => void = () => {};
const app = await createApp({ store, clock: systemClock }, [
  (instance) => {
    instance.addHook('onResponse', async (request, reply) => {
      if (request.url !== '/api/agent/checkin') return;
      if (reply.statusCode !== 200) console.error(`check-in answered ${reply.statusCode}`);
      body = JSON.stringify(request.body);
      onCheckin();
    });
  },
]);
const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));

/** Drivers that take memory: more NICs and disks. */
const hardware = [
  ...['e1000', 'e1000e', 'vmxnet3'].flatMap((model) => [
    ...['-netdev', `user,id=${model}`, '-device', `${model},netdev=${model},romfile=`],
  ]),
  ...['virtio-blk-pci', 'nvme,serial=N', 'ide-hd', 'usb-storage,bus=usb.0'].flatMap((device, i) => [
    ...(i === 3 ? ['-device', 'qemu-xhci,id=usb'] : []),
    ...['-drive', `if=none,id=d${i},driver=null-co,size=8G,read-zeroes=on`],
    ...['-device', `${device},drive=d${i}`],
  ]),
];

/** The text on the console at the end of each phase. */
const phases = {
  kernel: /dragonfly: image /,
  modules: /modules loaded/,
  link: /asking for an address/,
  address: /eth\d is /,
} as const;

/** Boots until the check-in is answered; gives the milliseconds since the kernel's first line, by phase;
 *  undefined when that takes too long. */
async function boot(
  folder: string,
  initramfs: string,
  memoryMiB: number,
  limitMs = bootMs,
  more: readonly string[] = [],
): Promise<Record<string, number> | undefined> {
  const checkedIn = new Promise<void>((resolve) => {
    onCheckin = resolve;
  });
  const vm = new Vm({
    accelerator,
    memoryMiB,
    args: [
      ...['-machine', 'q35', '-no-reboot'],
      ...handedOver(folder, `console=ttyS0 panic=-1 dragonfly.url=http://10.0.2.2:${port}`),
      // The last one counts.
      ...['-initrd', initramfs],
      ...['-netdev', 'user,id=n0', '-device', 'virtio-net-pci,netdev=n0,romfile='],
      ...more,
    ],
  });
  const ended = vm.ended.then(() => {
    throw new Error('ended');
  });
  ended.catch(() => {});
  try {
    await vm.waitFor(/Linux version/, limitMs);
    const start = systemClock.elapsedMs();
    const at: Record<string, number> = {};
    const note = (name: string) => () => {
      at[name] = systemClock.elapsedMs() - start;
    };
    const waits = Object.entries(phases).map(([name, pattern]) =>
      vm.waitFor(pattern, limitMs).then(note(name)),
    );
    for (const wait of waits) wait.catch(() => {});
    const late = new AbortController();
    const timeout = systemClock.sleep(limitMs, late.signal).then(() => {
      throw new Error('late');
    });
    timeout.catch(() => {});
    await Promise.race([Promise.all([checkedIn.then(note('agent')), ...waits]), ended, timeout]);
    late.abort();
    return at;
  } catch {
    return undefined;
  } finally {
    await vm.stop();
  }
}

/** The same image, but what is supervised is wget with the body of a real check-in. */
function withWget(folder: string, text: string): string {
  const target = join(tmpdir(), `dragonfly-wget-${process.pid}`);
  const wget =
    '#!/bin/sh\nuntil [ -e /run/dragonfly/network ]; do usleep 20000; done\nwget -q -O - --header "content-type: application/json" --post-file /body.json' +
    ` http://10.0.2.2:${port}/api/agent/checkin\nsleep 1000\n`;
  const files = { 'body.json': text, 'lib/dragonfly/supervise': wget };
  overlayImage(join(folder, 'initramfs'), files, target);
  return target;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Boots both images in turn and prints what each phase took. With one processor the agent loads in
 *  the time of the drivers and the network; with a second one beside them. */
async function compare(initramfs: string, wget: string, processors: number): Promise<void> {
  const ours: Record<string, number>[] = [];
  const theirs: Record<string, number>[] = [];
  for (let i = 0; i < runs; i++) {
    for (const [image, times] of [
      [initramfs, ours],
      [wget, theirs],
    ] as const) {
      const at = await boot(virt, image, 512, bootMs, ['-smp', String(processors)]);
      if (at !== undefined) times.push(at);
    }
  }
  const seconds = (times: Record<string, number>[], name: string): number =>
    median(times.map((at) => at[name] ?? NaN)) / 1000;
  console.log(
    `\n${processors} processors, seconds since the kernel's first line, median of ${runs}: agent, wget`,
  );
  for (const name of [...Object.keys(phases), 'agent']) {
    console.log(
      `${name.padEnd(8)} ${seconds(ours, name).toFixed(1)} ${seconds(theirs, name).toFixed(1)}`,
    );
  }
  const ratio = seconds(ours, 'agent') / seconds(theirs, 'agent');
  console.log(`kernel to check-in answered: ${ratio.toFixed(2)} x wget (target <= 1.5)`);
}

try {
  const initramfs = join(virt, 'initramfs');
  if ((await boot(virt, initramfs, 512)) === undefined) throw new Error('the image does not boot');
  const wget = withWget(virt, body);
  for (const processors of [2, 1]) await compare(initramfs, wget, processors);
  rmSync(wget);

  for (const [name, folder, target] of [
    ['virt', virt, 160],
    ['server', server, 192],
  ] as const) {
    const limitMs = 60_000;
    const boots = (memoryMiB: number): Promise<unknown> =>
      boot(folder, join(folder, 'initramfs'), memoryMiB, limitMs, hardware);
    let smallest: number | undefined;
    for (let size = target + 32; size > 0 && (await boots(size)) !== undefined; size -= 16) {
      smallest = size;
    }
    const found = smallest === undefined ? `not with ${target + 32}` : `with ${smallest}`;
    console.log(
      `${name}: checks in ${found} MiB, with four NICs and four disks (target <= ${target})`,
    );
  }
} finally {
  await app.close();
  await store.close();
}
