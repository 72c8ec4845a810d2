// A machine that is reset at ten random moments of an install: nothing half written boots, nothing goes on that
// nobody asked for, and the eleventh install is right. DRAGONFLY_BOOT_SEED repeats a run.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
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

/** Twelve boots and installs, emulated on a busy host. */
const timeout = 3_600_000;

it.skipIf(!runsAll)(
  'a machine is reset at ten random moments of an install',
  { timeout },
  async () => {
    const seed = Number(process.env['DRAGONFLY_BOOT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`DRAGONFLY_BOOT_SEED=${seed}`);
    const random = randomFrom(seed);
    const folder = scratchFolder();
    // Each install writes the other image than the one before it, over the whole disk.
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
    const id = (await installer.boots.checkin(vm)).answer.machine_id;
    const install = async (name: string) => {
      const url = `{{ server }}/images/${name}`;
      const actions = [{ action: 'image2disk' as const, url }, { action: 'seabios' as const }];
      const workflow = await installer.queue(id, actions, { reimage: true });
      await installer.follow(workflow, vm, hasStarted);
      return { workflow, startMs: systemClock.elapsedMs() };
    };
    /** The name of the image that the disk has, all of it. */
    const content = (): string | undefined => {
      const found = disk.read(0, disk.sizeBytes);
      return images.find(({ bytes }) => bytes.equals(found))?.name;
    };
    const nameOf = (nth: number): string => images[nth % images.length]?.name ?? '';

    // The first one is not interrupted: it says how long an install takes.
    const whole = await install(nameOf(0));
    const first = await installer.follow(whole.workflow, vm);
    expect([first.status?.error, content()]).toEqual([null, nameOf(0)]);
    const wholeMs = systemClock.elapsedMs() - whole.startMs;
    for (let tenth = 0; tenth < resets; tenth += 1) {
      const before = content();
      const name = before === nameOf(1) ? nameOf(0) : nameOf(1);
      const { workflow } = await install(name);
      const delayMs = ((tenth + random()) / resets) * wholeMs;
      await systemClock.sleep(delayMs, never);
      await vm.ask('system_reset');
      const { status } = await installer.follow(workflow, vm);
      const state = stateName((await installer.boots.machine(id)).status.state);
      const has = content() ?? (disk.isUnbootable ? 'nothing' : 'something that may boot');
      const what = `${Math.round(delayMs)} of ${Math.round(wholeMs)} ms: ${state}, ${has}`;
      console.log(`reset ${tenth + 1} after ${what}`);
      // The word that the image is written may be lost with the boot.
      const isImaged = status?.actions?.[0]?.status === 'STATE_SUCCESS';
      const wanted =
        status?.state === 'STATE_SUCCESS'
          ? { state: 'Provisioned', error: null, has: [name] }
          : {
              state: 'Error',
              error: interrupted,
              has: isImaged ? [name] : ['nothing', name, before],
            };
      const { has: allowed, ...ended } = wanted;
      expect({ what, state, error: status?.error ?? null }).toEqual({ what, ...ended });
      expect([what, allowed]).toEqual([what, expect.arrayContaining([has])]);
    }
    const last = await installer.follow((await install(nameOf(0))).workflow, vm);
    expect([last.status?.error, content()]).toEqual([null, nameOf(0)]);
  },
);
