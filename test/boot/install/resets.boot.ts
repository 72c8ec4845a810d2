// A machine that is reset at ten random moments of an install: nothing half written boots, nothing goes on that
// nobody asked for, and the eleventh install is right. DRAGONFLY_BOOT_SEED repeats a run.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { Vm } from '../../../initramfs/machine/qemu.ts';
import { stateName } from '../../../src/model/machine.ts';
import type { Workflow } from '../../../src/model/documents/workflow.ts';
import { gptImage } from '../../actions/images.ts';
import { directBoot, nic, runsAll, startVm } from '../harness.ts';
import { DiskFile, Installer, MiB, scratchFolder } from '../installer.ts';

/** Emulated on a busy host, more of it would take the hour that the test has. */
const imageMiB = 48;
const resets = 10;
const interrupted = expect.stringContaining('interrupted');
const never = new AbortController().signal;

/** Numbers from 0 to 1 that a seed repeats. Source: Tommy Ettinger's mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

const hasStarted = ({ status }: Workflow): boolean => status?.state === 'STATE_RUNNING';

interface Image {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A machine that is installed again and again with two images by turns, each of which fills the whole disk. */
class Target {
  readonly #installer: Installer;
  readonly #images: readonly Image[];
  readonly #disk: DiskFile;
  readonly #vm: Vm;
  readonly #id: string;

  private constructor(
    installer: Installer,
    images: readonly Image[],
    disk: DiskFile,
    vm: Vm,
    id: string,
  ) {
    this.#installer = installer;
    this.#images = images;
    this.#disk = disk;
    this.#vm = vm;
    this.#id = id;
  }

  static async start(): Promise<Target> {
    const folder = scratchFolder();
    const images = ['one.raw', 'two.raw'].map((name) => ({
      name,
      bytes: gptImage(join(folder, name), imageMiB),
    }));
    const installer = await Installer.start(folder);
    const disk = new DiskFile(imageMiB * MiB);
    const vm = startVm([
      ...directBoot(installer.boots),
      ...['-machine', 'q35', ...nic('virtio-net-pci', '52:54:00:00:0d:01')],
      ...['-drive', `if=none,id=disk,file=${disk.path},format=raw`],
      ...['-device', 'virtio-blk-pci,drive=disk,serial=TARGET'],
    ]);
    const { answer } = await installer.boots.checkin(vm);
    return new Target(installer, images, disk, vm, answer.machine_id);
  }

  /** The name of the image that the disk has, all of it. */
  get content(): string | undefined {
    const found = this.#disk.read(0, this.#disk.sizeBytes);
    return this.#images.find(({ bytes }) => bytes.equals(found))?.name;
  }

  /** The name of the other image than that one. */
  get next(): string {
    return this.#images.find(({ name }) => name !== this.content)?.name ?? '';
  }

  /** An install that has begun, by its workflow's name. */
  async #begin(name: string): Promise<string> {
    const url = `{{ server }}/images/${name}`;
    const actions = [{ action: 'image2disk' as const, url }, { action: 'seabios' as const }];
    const workflow = await this.#installer.queue(this.#id, actions, { reimage: true });
    await this.#installer.follow(workflow, this.#vm, hasStarted);
    return workflow;
  }

  /** Installs the next image, and resets the machine some time after that has begun unless the time is left out. */
  async install(resetAfterMs?: number) {
    const { content: before, next: name } = this;
    const workflow = await this.#begin(name);
    const startMs = systemClock.elapsedMs();
    if (resetAfterMs !== undefined) {
      await systemClock.sleep(resetAfterMs, never);
      await this.#vm.ask('system_reset');
    }
    const { status } = await this.#installer.follow(workflow, this.#vm);
    const { status: of } = await this.#installer.boots.machine(this.#id);
    const has = this.content ?? (this.#disk.isUnbootable ? 'nothing' : 'something that may boot');
    const ended = { state: stateName(of.state), error: status?.error ?? null, has };
    const tookMs = Math.round(systemClock.elapsedMs() - startMs);
    return { name, tookMs, ended, right: rightEnd(status, name, before) };
  }
}

/** The right end of an install. The word that the image is written may be lost with the boot that a reset ends. */
function rightEnd(status: Workflow['status'], name: string, before: string | undefined) {
  if (status?.state === 'STATE_SUCCESS') return { state: 'Provisioned', error: null, has: name };
  const isImaged = status?.actions?.[0]?.status === 'STATE_SUCCESS';
  const allowed = isImaged ? [name] : ['nothing', name, before];
  return { state: 'Error', error: interrupted, has: expect.toBeOneOf(allowed) };
}

/** Twelve boots and installs, emulated on a busy host. */
const timeout = 3_600_000;

it.skipIf(!runsAll)(
  'a machine is reset at ten random moments of an install',
  { timeout },
  async () => {
    const seed = Number(process.env['DRAGONFLY_BOOT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`DRAGONFLY_BOOT_SEED=${seed}`);
    const random = randomFrom(seed);
    const target = await Target.start();
    // The first one is not interrupted: it says how long an install takes.
    const { name: first, tookMs: wholeMs, ended: whole } = await target.install();
    expect(whole).toEqual({ state: 'Provisioned', error: null, has: first });
    for (let tenth = 0; tenth < resets; tenth += 1) {
      const delayMs = Math.round(((tenth + random()) / resets) * wholeMs);
      const { ended, right } = await target.install(delayMs);
      const what = `reset ${tenth + 1} after ${delayMs} of ${wholeMs} ms`;
      console.log(`${what}: ${ended.state}, ${ended.has}`);
      expect({ what, ...ended }).toEqual({ what, ...right });
    }
    const { name, ended } = await target.install();
    expect(ended).toEqual({ state: 'Provisioned', error: null, has: name });
  },
);
