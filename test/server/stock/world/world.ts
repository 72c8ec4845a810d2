// A rack of machines and what may befall it: messages that are lost, come twice or late, power cuts, servers that
// are started anew or are away, clocks that are set, an operator. Told by a seed, so that every story can be repeated.
import { ManualClock } from '../../../../src/core/clock.ts';
import type { Store } from '../../../../src/store/store.ts';
import { createApp } from '../../../../src/server/app.ts';
import { imageTemplate, request, type Answer } from '../../harness.ts';
import { Machine, type Disk, type Message, type Step, type Surroundings } from './machine.ts';

const image = { action: 'image2disk', url: 'http://images/debian.raw' };
/** Templates by name: with and without an image, ended by a reboot, by kexec, by neither, and in their midst. */
const templates: Readonly<Record<string, readonly object[]>> = {
  debian: imageTemplate.spec.actions,
  kexec: [image, { action: 'kexec' }],
  plain: [image],
  write: [{ action: 'writefile', path: '/etc/motd', content: '{{ default_password }}' }],
  restart: [{ action: 'reboot' }],
  twice: [image, { action: 'reboot' }, image, { action: 'reboot' }],
};

interface Order {
  readonly machine: Machine;
  readonly reimage: boolean;
  /** The boot that wrote for it, and the actions that did. */
  boot?: number;
  readonly steps: Set<number>;
}

interface Server {
  url: string;
  stop: () => Promise<void>;
}

interface Running {
  readonly machine: Machine;
  life: Generator<Step, never, Answer | undefined>;
  answer: Answer | undefined;
  dueMs: number;
}

export class World implements Surroundings {
  readonly clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  readonly story: string[] = [];
  readonly orders = new Map<string, Order>();
  readonly #rack: readonly Running[];
  readonly #stores: readonly Store[];
  readonly #servers: (Server | undefined)[] = [];
  readonly #late: { readonly dueMs: number; readonly message: Message }[] = [];
  readonly #random: () => number;
  #isCalm = false;
  readonly #last = new Map<number, string>();
  readonly chance = (of: number): boolean => !this.#isCalm && this.#random() < of;
  readonly pick = <T>(...of: readonly [T, ...T[]]): T =>
    of[Math.floor(this.#random() * of.length)] ?? of[0];

  /** `stores`: that of each server; the same one, or two doors to one. */
  constructor(seed: number, stores: readonly Store[]) {
    this.#random = numbersOf(seed);
    this.#stores = stores;
    this.#rack = Array.from({ length: 4 }, (_, n) => {
      const machine = new Machine(n, this);
      return { machine, life: machine.life(), answer: undefined, dueMs: n * 1000 };
    });
  }

  get machines(): readonly Machine[] {
    return this.#rack.map(({ machine }) => machine);
  }

  async start(): Promise<void> {
    await this.#power(0, true);
    await this.call('PUT', '/api/settings/boot.mode_parameter', { value: 'false' });
    for (const [name, actions] of Object.entries(templates)) {
      const spec = { timeout: 1800, actions };
      await this.call('PUT', `/api/templates/${name}`, {
        ...imageTemplate,
        metadata: { name },
        spec,
      });
    }
  }

  /** So many things happen. */
  async live(steps: number): Promise<void> {
    for (let i = 0; i < steps; i += 1) {
      await this.#befall();
      await this.#next();
    }
  }

  /** Nothing goes wrong any more for so long. Who is in no agent, or overlooked its system, is switched on anew. */
  async calm(ms: number): Promise<void> {
    this.#isCalm = true;
    for (const i of this.#stores.keys()) {
      if (this.#servers[i] === undefined) await this.#power(i, true);
    }
    for (const one of this.#rack) {
      if (one.machine.where !== 'agent' || one.machine.isBlind) this.#cut(one);
    }
    const endMs = this.clock.elapsedMs() + ms;
    for (const one of this.#rack) one.machine.restless = 0;
    while (this.clock.elapsedMs() < endMs) await this.#next(endMs);
  }

  async end(): Promise<void> {
    for (const i of this.#servers.keys()) await this.#power(i, false);
  }

  /** As an operator, at a server that is there. */
  async call(method: string, path: string, body?: object): Promise<Answer> {
    const server = this.#servers.find((one) => one !== undefined);
    if (server === undefined) throw new Error('no server is there');
    return answered(path, await request(server.url, method, path, { body }));
  }

  writes(machine: Machine, id: string, device: string, step: number): Disk {
    const order = this.orders.get(id);
    const named = machine.disks.find(({ name }) => device.endsWith(name));
    const disk = named ?? machine.disks[0];
    if (disk === undefined) throw new Error('there is no disk');
    this.#tell(machine, `writes ${disk.name}, which has ${JSON.stringify(disk.content)}`);
    if (order?.machine !== machine) throw new Error('it writes what nobody ordered for it');
    if (order.steps.has(step) || (order.boot ?? machine.boot) !== machine.boot) {
      throw new Error('a workflow runs twice');
    }
    const isOwn = typeof disk.content === 'object' && disk.content.by === id;
    if (disk.isTold && !isOwn && !order.reimage)
      throw new Error('it overwrites a known system unasked');
    order.boot = machine.boot;
    order.steps.add(step);
    Object.assign(disk, { content: 'partial', isTold: false });
    return disk;
  }

  /** The next machine makes its next step, unless that is due after `untilMs`. */
  async #next(untilMs = Infinity): Promise<void> {
    const [next] = this.#rack.toSorted((a, b) => a.dueMs - b.dueMs);
    if (next === undefined) return;
    const dueMs = Math.min(next.dueMs, untilMs);
    await this.clock.advance(Math.max(0, dueMs - this.clock.elapsedMs()));
    for (const late of this.#late.splice(0)) {
      if (late.dueMs > this.clock.elapsedMs()) this.#late.push(late);
      else if (this.#isThere()) await this.#deliver(late.message);
    }
    if (dueMs < next.dueMs) return;
    const { value: step } = next.life.next(next.answer);
    next.answer = 'send' in step ? await this.#send(next.machine, step.send) : undefined;
    next.dueMs = this.clock.elapsedMs() + ('send' in step ? this.pick(50, 500, 2000) : step.waitMs);
  }

  async #befall(): Promise<void> {
    const one = this.pick(...nonEmpty(this.#rack));
    if (this.chance(0.1)) await this.#order(one.machine);
    if (this.chance(one.machine.isAtWork ? 0.15 : 0.01)) this.#cut(one);
    if (this.chance(0.005)) one.machine.agent = this.pick('stock', 'ours');
    if (this.chance(0.005)) this.clock.stepWall(this.pick(-86_400_000, -60_000, 60_000, 3_600_000));
    const server = this.pick(...nonEmpty([...this.#stores.keys()]));
    if (this.chance(0.01)) await this.#power(server, this.#servers[server] === undefined);
    if (this.chance(0.01) && this.#isThere()) {
      const [id] = [...this.orders.keys()].slice(-1);
      if (id !== undefined) await this.call('POST', `/api/workflows/${id}/cancel`);
    }
  }

  async #order(machine: Machine): Promise<void> {
    if (machine.id === undefined || !this.#isThere()) return;
    const template = this.pick(...nonEmpty(Object.keys(templates)));
    const reimage = this.chance(0.7);
    const wanted = { machine_id: machine.id, template, reimage, confirmed: true };
    const { status, body } = await this.call('POST', '/api/workflows', wanted);
    this.#tell(
      machine,
      `is to have ${template}, ${reimage ? 'whatever it has' : 'if empty'}: ${status}`,
    );
    if (status === 201) this.orders.set(body.metadata.name, { machine, reimage, steps: new Set() });
  }

  #cut(one: Running): void {
    this.#tell(one.machine, `loses power in its ${one.machine.where}`);
    one.machine.where = 'off';
    one.life = one.machine.life();
    one.answer = undefined;
    one.dueMs = this.clock.elapsedMs() + this.pick(100, 5_000, 60_000);
  }

  async #power(i: number, isOn: boolean): Promise<void> {
    await this.#servers[i]?.stop();
    this.#servers[i] = undefined;
    const store = this.#stores[i];
    if (!isOn || store === undefined) return;
    const app = await createApp({ store, clock: this.clock, random: this.#random });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const stop = async (): Promise<void> => {
      app.server.closeAllConnections();
      await app.close();
    };
    this.#servers[i] = { url, stop };
  }

  #isThere(): boolean {
    return this.#servers.some((server) => server !== undefined);
  }

  /** A message on its way; undefined where no answer comes back. */
  async #send(machine: Machine, message: Message): Promise<Answer | undefined> {
    const { body = {} } = message;
    if (!this.#isThere() || this.chance(0.03)) return undefined;
    if (message.method === 'POST' && this.chance(0.03)) {
      this.#late.push({ message, dueMs: this.clock.elapsedMs() + this.pick(500, 40_000, 200_000) });
    }
    if (this.chance(0.03)) await this.#deliver(message);
    const answer = await this.#deliver(message);
    if ((body['existing_os'] ?? null) !== null && machine.system) machine.system.isTold = true;
    const what = [message.path, body['type'], body['action'], answer.body?.action];
    this.#tell(machine, `${what.filter(Boolean).join(' ')} ${answer.status}`);
    return this.chance(0.03) ? undefined : answer;
  }

  async #deliver({ method, path, body }: Message): Promise<Answer> {
    const { url } = this.pick(...nonEmpty(this.#servers.filter((server) => server !== undefined)));
    return answered(path, await request(url, method, path, { body }));
  }

  #tell({ n }: Machine, what: string): void {
    // Repetitions of an agent are told once.
    if (this.#last.get(n) === what) return;
    this.#last.set(n, what);
    this.story.push(`${Math.round(this.clock.elapsedMs() / 1000)} s: machine ${n} ${what}`);
  }
}

function answered(path: string, answer: Answer): Answer {
  if (answer.status < 500) return answer;
  throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

function nonEmpty<T>([first, ...rest]: readonly T[]): readonly [T, ...T[]] {
  if (first === undefined) throw new Error('there is none');
  return [first, ...rest];
}

/** Numbers in [0, 1) that look random, the same ones for the same seed. */
function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
