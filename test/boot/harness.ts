// A server that machines boot from, and the machines: real HTTP, real firmware, one QEMU at a time.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { architectures, type Arch } from '../../initramfs/arch.ts';
import { handedOver } from '../../initramfs/machine/pxe.ts';
import { Vm, type VmOptions } from '../../initramfs/machine/qemu.ts';
import { projectDir } from '../../initramfs/tools.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { CheckinResponse } from '../../src/model/api/agent.ts';
import type { LogLine } from '../../src/model/documents/machine-log.ts';
import type { Machine } from '../../src/model/machine.ts';
import { createApp, type AppOptions } from '../../src/server/app.ts';
import { listenForBoots } from '../../src/server/http/boot/boot-listener.ts';
import type { App } from '../../src/server/services.ts';
import { readLogs } from '../../src/server/running/machine-logs.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

/** False where QEMU is missing: tests that boot are then skipped. */
export const canBoot = inject('accelerators').x64 !== undefined;
export const canBootArm = inject('accelerators').arm64 !== undefined;
/** True if the long run was asked for. */
export const runsAll = canBoot && inject('all');

/** The images, as they were built. */
export const bootDir = join(projectDir, 'dist', 'boot');

/** The limit from power-on to check-in for an emulated machine on a busy host. */
const bootMs = 180_000;

export interface Checkin {
  readonly request: Readonly<Record<string, unknown>>;
  readonly answer: CheckinResponse;
}

interface Answered {
  readonly path: string;
  readonly request: unknown;
  readonly answer: unknown;
}

/** The route calls that a test waits for, in the order in which they were answered. */
export class BootServer {
  readonly url: string;
  readonly port: number;
  readonly #answers: Answered[];
  readonly #watchers: Set<() => void>;
  readonly #store: Store;
  readonly #app: App;

  private constructor(
    app: App,
    url: string,
    answers: Answered[],
    watchers: Set<() => void>,
    store: Store,
  ) {
    this.#app = app;
    this.url = url;
    this.port = Number(new URL(url).port);
    this.#answers = answers;
    this.#watchers = watchers;
    this.#store = store;
  }

  /** A server that ends with the test. */
  static async start(options: Partial<AppOptions> = {}, port = 0): Promise<BootServer> {
    const store = await openStore('memory:');
    const answers: Answered[] = [];
    const watchers = new Set<() => void>();
    const app = await createApp(
      {
        store,
        clock: systemClock,
        liveness: { intervalSeconds: 2 },
        boot: { dir: bootDir, append: 'console=ttyS0 dragonfly.interval=2' },
        ...options,
      },
      [
        (instance) => {
          instance.addHook('onSend', async (request, reply, payload) => {
            if (reply.statusCode === 200 && request.url.startsWith('/api/agent/')) {
              const answer: unknown = JSON.parse(String(payload));
              answers.push({ path: request.url, request: request.body, answer });
              for (const watcher of watchers) watcher();
            }
          });
        },
      ],
    );
    const url = await app.listen({ host: '127.0.0.1', port });
    onTestFinished(async () => {
      app.server.closeAllConnections();
      await app.close();
      await store.close();
    });
    return new BootServer(app, url, answers, watchers, store);
  }

  /** This server as a guest on QEMU's user network reaches it. */
  get guestUrl(): string {
    const { protocol } = new URL(this.url);
    return `${protocol}//10.0.2.2:${this.port}`;
  }

  /** Opens the listener without TLS, and gives its URL as a guest reaches it. */
  async listenForBoots(): Promise<string> {
    const listener = await listenForBoots(this.#app, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => {
      listener.cut();
      return listener.close();
    });
    return listener.url.replace('127.0.0.1', '10.0.2.2');
  }

  /** The next check-in that no earlier call has given. */
  checkin(vm: Vm): Promise<Checkin> {
    return this.#next('/api/agent/checkin', vm) as Promise<Checkin>;
  }

  heartbeat(vm: Vm): Promise<unknown> {
    return this.#next('/api/agent/heartbeat', vm);
  }

  /** The log of a machine. */
  async logs(id: string): Promise<readonly LogLine[]> {
    return (await readLogs(this.#store, id, {})).lines;
  }

  async machine(id: string): Promise<Machine> {
    const machine = (await this.#store.machines.get(id))?.value;
    if (machine === undefined) throw new Error(`there is no machine ${id}`);
    return machine;
  }

  /** Waits for an answered call; what was answered before it is dropped. */
  async #next(path: string, vm: Vm): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const look = (): void => {
      const at = this.#answers.findIndex((a) => a.path === path);
      if (at >= 0) resolve(this.#answers.splice(0, at + 1).at(-1));
    };
    this.#watchers.add(look);
    look();
    // The console says why it takes so long; a machine that ends says it at once.
    vm.waitFor(/(?!)/, bootMs).catch(reject);
    try {
      return await promise;
    } finally {
      this.#watchers.delete(look);
    }
  }
}

/** QEMU's argument for GRUB, which sets its clock by a millisecond of the processor's: emulated on a busy host, that would be
 *  slow by far. */
export const steadyClock = inject('accelerators').x64?.name === 'tcg' ? ['-icount', 'shift=4'] : [];

/** A machine that ends with the test, unless it is stopped before. */
export function startVm(
  args: readonly string[],
  {
    arch = 'x64',
    ...options
  }: Partial<Omit<VmOptions, 'args' | 'accelerator'>> & { arch?: Arch } = {},
): Vm {
  const accelerator = inject('accelerators')[arch];
  if (accelerator === undefined) throw new Error(`this test needs a machine with ${arch}`);
  const vm = new Vm({ accelerator, memoryMiB: 512, ...options, args });
  onTestFinished(() => vm.stop());
  return vm;
}

/** A folder of TFTP whose first script leads to the server, and QEMU's arguments to boot from it. */
export function pxeNetwork(url: string, port: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-tftp-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const script = `#!ipxe\nchain --replace --autofree ${url}/boot/start.ipxe\n`;
  writeFileSync(join(folder, 'start.ipxe'), script);
  return [
    ...['-netdev', `user,id=n0,tftp=${folder},bootfile=start.ipxe`],
    ...['-device', `${port},netdev=n0,bootindex=0`],
  ];
}

/** Arguments to start the image without firmware's help: quicker, where the boot is not the point. */
export function directBoot(server: BootServer, append = '', arch: Arch = 'x64'): string[] {
  return handOver(`dragonfly.url=${server.guestUrl} ${append}`, arch);
}

/** Arguments to start the image with these parameters beside the usual ones. */
export function handOver(append: string, arch: Arch = 'x64', dir = bootDir): string[] {
  const { boot, qemu } = architectures[arch];
  const parameters = `panic=-1 console=${qemu.console} dragonfly.interval=2`;
  return handedOver(join(dir, boot), `${parameters} ${append}`);
}

/** A NIC on QEMU's user network, which does not boot. */
export function nic(model: string, mac: string, id = 'n0'): string[] {
  const network = ['-netdev', `user,id=${id}`];
  return [...network, '-device', `${model},netdev=${id},id=nic-${id},mac=${mac},romfile=`];
}

/** A disk that is empty and takes no room. */
export function disk(device: string, id: string, size = '8G'): string[] {
  const drive = `if=none,id=${id},format=raw,driver=null-co,size=${size},read-zeroes=on`;
  return ['-drive', drive.replace('format=raw,', ''), '-device', `${device},drive=${id}`];
}
