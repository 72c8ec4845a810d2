// Writes initramfs/executable/hot-pages-x64.txt (`npm run trace:pages`), once for each new Node in package-lock.json: boots
// the image in a virtual machine, which needs no root, and asks its kernel which pages of Node the agent has used by its
// third heartbeat.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '../src/core/clock.ts';
import { createApp } from '../src/server/app.ts';
import { openStore } from '../src/store/open.ts';
import { overlayImage } from './content/overlay.ts';
import { ensureImage } from './ensure-image.ts';
import { buildId, formatRuns, hotPagesFile } from './executable/hot-pages.ts';
import { smallNode } from './executable/node-binary.ts';
import { readSegments, type Run } from './executable/order.ts';
import { handedOver } from './machine/pxe.ts';
import { chooseAccelerator, Vm } from './machine/qemu.ts';

/** So many pages between two that are used are taken along: 4 KiB more of the image for a segment less. */
const gap = 2;

/** The kernel is to map the pages that are used and none around them. Every 5 s the guest sends what its processes have
 *  of the first 256 MiB of their memory, where Node is. Source: pagemap in the kernel's admin-guide/mm. */
function guestScript(url: string): string {
  return `#!/bin/busybox sh
bb=/bin/busybox
$bb mknod /dev/null c 1 3
$bb mount -t sysfs sysfs /sys
$bb mount -t debugfs debugfs /sys/kernel/debug
echo 4096 > /sys/kernel/debug/fault_around_bytes
$bb umount /sys/kernel/debug /sys
while $bb sleep 5; do
  for maps in $($bb grep -l '/image/.*agent' /proc/[0-9]*/maps); do
    $bb dd if="\${maps%maps}pagemap" bs=4096 count=128 | $bb base64 > /tmp/pagemap
    $bb wget -q -O - --post-file /tmp/pagemap ${url}
  done
done > /dev/null 2>&1 &
exec /init
`;
}

const present = 1n << 63n;

/** The numbers of the pages that a process has, of those that it sent. */
function presentPages(pagemap: Buffer): number[] {
  const entries = new BigUint64Array(new Uint8Array(pagemap).buffer);
  return [...entries.keys()].filter((page) => ((entries[page] ?? 0n) & present) !== 0n);
}

/** Runs of sorted pages. */
function runsOf(pages: readonly number[]): Run[] {
  const runs: { from: number; to: number }[] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    if (last !== undefined && page - last.to <= gap) last.to = page + 1;
    else runs.push({ from: page, to: page + 1 });
  }
  return runs;
}

/** Boots and gives the pages that were used. */
async function trace(): Promise<Set<number>> {
  const folder = join(await ensureImage(), 'x86_64');
  const used = new Set<number>();
  let heartbeats = 0;
  const { promise: done, resolve: end } = Promise.withResolvers<void>();
  const listener = createServer((request, response) => {
    void take(request, response);
  });
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pagemap = Buffer.from(await text(request), 'base64');
    response.end();
    for (const page of presentPages(pagemap)) used.add(page);
    console.log(`${used.size} pages after ${heartbeats} heartbeats`);
    if (heartbeats >= 3) end();
  };
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock, liveness: { intervalSeconds: 5 } }, [
    (instance) => {
      instance.addHook('onResponse', async (request) => {
        if (request.url === '/api/agent/heartbeat') heartbeats += 1;
      });
    },
  ]);
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  const scratch = mkdtempSync(join(tmpdir(), 'dragonfly-trace-'));
  const image = join(scratch, 'initramfs');
  const script = guestScript(`http://10.0.2.2:${address.port}`);
  overlayImage(join(folder, 'initramfs'), { trace: script }, image);
  const parameters = `console=ttyS0 rdinit=/trace dragonfly.url=http://10.0.2.2:${port}`;
  const vm = new Vm({
    accelerator: await chooseAccelerator(join(folder, 'kernel')),
    memoryMiB: 1024,
    args: [
      // The last image counts.
      ...[...handedOver(folder, parameters), '-initrd', image],
      ...['-netdev', 'user,id=n0', '-device', 'virtio-net-pci,netdev=n0,romfile='],
      ...['-drive', 'if=none,id=d0,driver=null-co,size=8G,read-zeroes=on'],
      ...['-device', 'virtio-blk-pci,drive=d0'],
    ],
  });
  try {
    await Promise.race([done, vm.ended.then(() => Promise.reject(new Error(vm.console)))]);
  } finally {
    await vm.stop();
    listener.close();
    await app.close();
    await store.close();
    rmSync(scratch, { recursive: true });
  }
  return used;
}

const used = await trace();
const node = smallNode('x64');
const pages = readSegments(readFileSync(node))
  .filter(({ type, flags }) => type === 1 && (flags & 2) === 0)
  .flatMap(({ address, fileBytes }) => {
    const [from, to] = [Math.floor(address / 4096), Math.ceil((address + fileBytes) / 4096)];
    return Array.from({ length: to - from }, (_, i) => from + i).filter((page) => used.has(page));
  });
const runs = runsOf(pages);
const lines = formatRuns(runs)
  .join(' ')
  .replaceAll(/(.{1,119})(?: |$)/g, '$1\n');
writeFileSync(hotPagesFile('x64'), `${buildId(node)}\n${lines}`);
console.log(`${pages.length} pages in ${runs.length} runs, ${hotPagesFile('x64')}`);
process.exit(0);
