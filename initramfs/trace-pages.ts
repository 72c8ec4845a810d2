// Writes initramfs/executable/hot-pages-ARCH.txt (`npm run trace:pages`), once for each new Node in package-lock.json: boots
// the image in a virtual machine, which needs no root, and asks its kernel which pages of Node the agent has used by its
// third heartbeat.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { command } from '../src/cli/command.ts';
import { systemClock } from '../src/core/clock.ts';
import { createApp } from '../src/server/app.ts';
import { openStore } from '../src/store/open.ts';
import { architectures, archs, type Arch } from './arch.ts';
import { runProgram } from './command-line.ts';
import { overlayImage } from './content/overlay.ts';
import { ensureImage } from './ensure-image.ts';
import { buildId, formatRuns, hotPagesFile } from './executable/hot-pages.ts';
import { smallNode } from './executable/node-binary.ts';
import { readSegments, type Run } from './executable/order.ts';
import { handedOver } from './machine/pxe.ts';
import { chooseAccelerator, Vm } from './machine/qemu.ts';
import { watch } from './machine/watch.ts';

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

/** The tale of guest and agent: the pages that were used, and that the agent has come far enough. */
class Trace {
  readonly used = new Set<number>();
  readonly done: Promise<void>;
  readonly #end: () => void;
  #heartbeats = 0;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#end = resolve;
  }

  beat(): void {
    this.#heartbeats += 1;
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pagemap = Buffer.from(await text(request), 'base64');
    response.end();
    for (const page of presentPages(pagemap)) this.used.add(page);
    console.log(`${this.used.size} pages after ${this.#heartbeats} heartbeats`);
    if (this.#heartbeats >= 3) this.#end();
  }
}

/** A server for the agent, and one for the pages that the guest sends. */
async function startServers(trace: Trace) {
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock, liveness: { intervalSeconds: 5 } }, [
    (instance) => {
      instance.addHook('onResponse', async (request) => {
        if (request.url === '/api/agent/heartbeat') trace.beat();
      });
    },
  ]);
  const agentUrl = await app.listen({ host: '127.0.0.1', port: 0 });
  const listener = createServer((request, response) => void trace.take(request, response));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = listener.address() as AddressInfo;
  return {
    agentPort: new URL(agentUrl).port,
    pagesPort: port,
    close: async () => {
      listener.closeAllConnections();
      listener.close();
      app.server.closeAllConnections();
      await app.close();
      await store.close();
    },
  };
}

interface Boot {
  readonly arch: Arch;
  /** Units: seconds. */
  readonly limit: number;
  readonly showConsole: boolean;
  readonly signal: AbortSignal;
}

/** Boots and gives the pages that were used. */
async function tracePages({ arch, limit, showConsole, signal }: Boot): Promise<Set<number>> {
  const { boot, qemu } = architectures[arch];
  const folder = join(await ensureImage(arch), boot);
  const trace = new Trace();
  const { agentPort, pagesPort, close } = await startServers(trace);
  const scratch = mkdtempSync(join(tmpdir(), 'dragonfly-trace-'));
  const image = join(scratch, 'initramfs');
  const script = guestScript(`http://10.0.2.2:${pagesPort}`);
  overlayImage(join(folder, 'initramfs'), { trace: script }, image);
  const parameters = `console=${qemu.console} rdinit=/trace dragonfly.url=http://10.0.2.2:${agentPort}`;
  const vm = new Vm({
    accelerator: await chooseAccelerator(join(folder, 'kernel'), arch),
    memoryMiB: 1024,
    // arm64 servers have no BIOS.
    uefi: arch === 'arm64',
    args: [
      // The last image counts.
      ...[...handedOver(folder, parameters), '-initrd', image],
      ...['-netdev', 'user,id=n0', '-device', 'virtio-net-pci,netdev=n0,romfile='],
      ...['-drive', 'if=none,id=d0,driver=null-co,size=8G,read-zeroes=on'],
      ...['-device', 'virtio-blk-pci,drive=d0'],
    ],
    ...(showConsole ? { onConsole: (shown: string) => process.stdout.write(shown) } : {}),
  });
  try {
    const until = 'sent three heartbeats';
    await watch({ vm, work: trace.done, until, limit, signal, tell: undefined }, () => 0);
  } finally {
    await vm.stop();
    await close();
    rmSync(scratch, { recursive: true });
  }
  return trace.used;
}

/** Writes those of the pages that hold what does not change: code and constants. */
function writeList(arch: Arch, used: ReadonlySet<number>): void {
  const node = smallNode(arch);
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
  writeFileSync(hotPagesFile(arch), `${buildId(node)}\n${lines}`);
  console.log(`${pages.length} pages in ${runs.length} runs, ${hotPagesFile(arch)}`);
}

await runProgram(
  command({
    name: 'trace:pages',
    describe:
      'write down which pages of Node the agent uses, as a virtual machine that boots the netboot image tells; builds the image if need be',
    options: {
      arch: {
        type: 'string',
        default: 'x64',
        choices: archs,
        describe: 'the processor whose Node the list is for',
      },
      timeout: {
        type: 'number',
        default: 600,
        range: [1, 86_400],
        value: 'SECONDS',
        describe: 'how long to wait for the third heartbeat',
      },
      console: { type: 'boolean', describe: 'show what the machine prints' },
    },
    async run({ arch, timeout: limit, console: showConsole }, { signal }) {
      writeList(arch, await tracePages({ arch, limit, showConsole, signal }));
      return 0;
    },
  }),
);
