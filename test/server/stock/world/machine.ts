// A physical machine with the network first in its boot order: its firmware, the agent of its image, which is
// Dragonfly's or ours, and its disks. What happens next is a step: a message to the server, or a time to wait.
import type { Answer } from '../../harness.ts';
import { readCheckin, readTemplate, readWorkflow } from '../documents.ts';

export interface Message {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Units of time: milliseconds. */
export type Step = { readonly send: Message } | { readonly waitMs: number };

/** A part of a machine's life. A step that sends is given the answer, or undefined where none came. */
export type Life<End> = Generator<Step, End, Answer | undefined>;

export interface Disk {
  readonly name: string;
  readonly size_bytes: number;
  /** A workflow is named by its id, once it has written all of its image. */
  content: 'blank' | 'system' | 'partial' | { readonly by: string };
  /** The server was told of the system on it. */
  isTold: boolean;
}

/** The rest of the world, as a machine meets it. */
export interface Surroundings {
  readonly chance: (of: number) => boolean;
  readonly pick: <T>(...of: readonly [T, ...T[]]) => T;
  /** The machine writes the disk that a workflow's template names, as action `step`. */
  writes(machine: Machine, workflow: string, device: string, step: number): Disk;
}

export class Machine {
  readonly n: number;
  readonly mac: string;
  readonly disks: readonly Disk[];
  agent: 'stock' | 'ours' = 'stock';
  where: 'off' | 'firmware' | 'agent' | 'system' = 'off';
  isAtWork = false;
  /** Where its agent has been told to go, last. */
  told = '';
  boot = 0;
  /** Boots since it last ran its own system. */
  restless = 0;
  /** Its agent does not find the system on its disk in this boot. */
  isBlind = false;
  /** The records that it was told to be. */
  readonly ids = new Set<string>();
  readonly #around: Surroundings;

  constructor(n: number, around: Surroundings) {
    this.n = n;
    this.#around = around;
    this.mac = `02:00:00:00:01:${n.toString(16).padStart(2, '0')}`;
    this.disks = ['sda', 'sdb'].slice(0, around.pick(1, 1, 2)).map((name, i) => ({
      name,
      size_bytes: 480_103_981_056 + i,
      content: i === 0 && around.chance(0.6) ? 'system' : 'blank',
      isTold: false,
    }));
  }

  get id(): string | undefined {
    return [...this.ids].at(-1);
  }

  /** The disk that boots. */
  get system(): Disk | undefined {
    return this.disks.find(({ content }) => content === 'system' || typeof content === 'object');
  }

  /** From power on: boots, again and again. */
  *life(): Life<never> {
    const { chance, pick } = this.#around;
    for (;;) {
      this.isAtWork = false;
      this.boot += 1;
      this.restless += 1;
      this.where = 'firmware';
      yield { waitMs: pick(10_000, 45_000, 90_000) };
      const script = yield* this.#script();
      if (script?.includes('initramfs') === true) {
        this.where = 'agent';
        yield { waitMs: pick(8_000, 20_000) };
        this.isBlind = chance(0.15);
        const end = yield* this.agent === 'stock' ? this.#stock() : this.#ours();
        if (end === 'lost') yield { waitMs: 60_000 };
        if (end !== 'system') continue;
      }
      if (this.system === undefined) continue;
      this.where = 'system';
      this.restless = 0;
      // Nobody reboots it but by mishap.
      yield { waitMs: chance(1) ? pick(300_000, 900_000, 3_600_000) : 86_400_000 };
    }
  }

  /** Its boot script; undefined where no server answers for five minutes. */
  *#script(): Life<string | undefined> {
    for (let i = 0; i < 40; i += 1) {
      const answer = yield { send: { method: 'GET', path: `/boot/${this.mac}` } };
      if (answer !== undefined) return read(String, answer);
      yield { waitMs: 8_000 };
    }
    return undefined;
  }

  /** A stock agent, until it leaves the image. Its first check-in must be answered, or it waits for a key. */
  *#stock(): Life<'reboot' | 'system' | 'lost'> {
    for (let isFirst = true; ; isFirst = false) {
      const answer = yield this.#checkin({ existing_os: this.#found() ?? null });
      if (answer === undefined && isFirst) return 'lost';
      if (answer !== undefined) {
        const { machine_id, action, workflow_id } = read(readCheckin, answer);
        this.ids.add(machine_id);
        this.told = action;
        if (action === 'localboot' || action === 'reboot') return 'reboot';
        const end = action === 'execute' ? yield* this.#work(workflow_id ?? '', {}) : undefined;
        if (end !== undefined) return end;
      }
      yield { waitMs: 30_000 };
    }
  }

  /** Our agent, with --act. It leaves out what it could not look for, and begins no work without consent. */
  *#ours(): Life<'reboot' | 'system'> {
    const boot_id = `${this.mac} ${this.boot}`;
    const found = this.#found();
    const looked =
      found === undefined && this.system !== undefined ? {} : { existing_os: found ?? null };
    for (let sequence = 1; ; sequence += 1) {
      const uptime_seconds = 10 + sequence * 10;
      const boot = { boot_id, sequence, uptime_seconds, agent_version: '0.2.0', in_image: true };
      const all_macs = [this.mac];
      const answer = yield this.#checkin({ ...looked, ...boot, all_macs });
      if (answer?.status === 200) {
        const { machine_id, action, workflow_id } = read(readCheckin, answer);
        this.ids.add(machine_id);
        this.told = action;
        if (action === 'localboot' || action === 'reboot') return 'reboot';
        const end =
          action === 'execute' ? yield* this.#work(workflow_id ?? '', { boot_id }) : undefined;
        if (end !== undefined) return end;
      }
      yield { waitMs: 10_000 };
    }
  }

  /** Carries out a workflow from its first action on, whatever was done before. */
  *#work(id: string, boot: { readonly boot_id?: string }): Life<'reboot' | 'system' | undefined> {
    const { chance, pick } = this.#around;
    this.isAtWork = true;
    const path = `/api/workflows/${id}`;
    const order = yield { send: { method: 'GET', path } };
    if (order === undefined) return undefined;
    const { templateRef } = read(readWorkflow, order).spec;
    const query = `machine_id=${this.id}`;
    const text = yield { send: { method: 'GET', path: `/api/templates/${templateRef}?${query}` } };
    if (text === undefined) return undefined;
    const report = (body: object): Step => ({
      send: { method: 'POST', path: `${path}/events`, body: { workflow: id, ...boot, ...body } },
    });
    const consent = yield report({ type: 'started' });
    if (boot.boot_id !== undefined && consent?.status !== 204) return undefined;
    for (const [step, { action, ...fields }] of read(readTemplate, text).spec.actions.entries()) {
      for (let tries = 0, isHeard = false; !isHeard && tries < 4; tries += 1) {
        isHeard = (yield report({ type: 'action_started', action })) !== undefined;
        // Only of its last words does it make sure.
        if (action !== 'reboot' && action !== 'kexec') break;
      }
      if (action === 'reboot') return 'reboot';
      if (action === 'kexec') return this.system === undefined ? 'reboot' : 'system';
      if (action === 'image2disk') {
        const device = typeof fields['disk'] === 'string' ? fields['disk'] : 'auto';
        const disk = this.#around.writes(this, id, device, step);
        for (let i = pick(0, 1, 3); i > 0; i -= 1) {
          yield { waitMs: pick(5_000, 25_000, 100_000) };
          const progress = { percent: pick(1, 99.5, 255), message: 'x'.repeat(1100) };
          yield report({ type: 'action_progress', action, progress });
        }
        if (chance(0.1)) {
          yield report({ type: 'action_completed', action, success: false });
          yield report({ type: 'completed', success: false });
          return undefined;
        }
        disk.content = { by: id };
      }
      yield report({ type: 'action_completed', action, success: true });
    }
    yield report({ type: 'completed', success: true });
    return undefined;
  }

  #found(): object | undefined {
    const { system } = this;
    if (system === undefined || this.isBlind) return undefined;
    return { name: 'Debian', device: `/dev/${system.name}2` };
  }

  #checkin(more: object): Step {
    this.isAtWork = false;
    const body = {
      mac: this.mac,
      hostname: 'localhost',
      ip_address: `192.0.2.${this.n}`,
      cpu_model: `CPU ${this.n}`,
      cpu_cores: 8,
      memory_bytes: 68_719_476_736 + this.n,
      disks: this.disks.map(({ name, size_bytes }) => ({ name, size_bytes, model: `M${this.n}` })),
      ...more,
    };
    return { send: { method: 'POST', path: '/api/agent/checkin', body } };
  }
}

/** As an agent parses an answer: it is lost to anything else. */
function read<T>(reader: (value: unknown, path: string) => T, { status, body }: Answer): T {
  if (status !== 200) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
  return reader(body, '$');
}
