// A check-in that says what the last one said, with what is remembered of that and without: nobody sees a difference.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import { silentLog } from '../../../src/core/log.ts';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import type { Principal } from '../../../src/server/access/principal.ts';
import { LastCheckins } from '../../../src/server/checkin/last-checkins.ts';
import { register } from '../../../src/server/checkin/registration.ts';
import { Events } from '../../../src/server/running/events.ts';
import { Liveness } from '../../../src/server/running/liveness/liveness.ts';
import { defaultLiveness } from '../../../src/server/running/liveness/pace.ts';
import type { Store } from '../../../src/store/store.ts';
import { opened } from '../../store/backends.ts';
import { checkin, startServer } from '../harness.ts';

class Counted extends LastCheckins {
  recalled = 0;

  override async recall(...args: Parameters<LastCheckins['recall']>) {
    const known = await super.recall(...args);
    if (known !== undefined) this.recalled += 1;
    return known;
  }
}

const uuid = '4c4c4544-0051-3510-8052-b4c04f4a3131';
const ports = ['02:00:00:00:00:01', '02:00:00:00:00:02'];
const mac = '02:00:00:00:00:01';

/** Machines that are easily taken for each other: the first three have one hash, the next two the same port. */
const bodies: readonly CheckinRequest[] = [
  { mac, all_macs: ports, smbios_uuid: uuid, system: { serial: 'S-1' } },
  { mac, all_macs: ports, smbios_uuid: uuid, system: { serial: 'S-2' } },
  { mac, all_macs: ports, smbios_uuid: uuid },
  { mac, all_macs: [mac], smbios_uuid: uuid, machine_id: '1'.repeat(32) },
  { mac, hostname: 'stock', cpu_model: 'one' },
  { mac: '02:00:00:00:00:09', all_macs: ['02:00:00:00:00:09', ports[1] ?? ''] },
];

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant('check in' as const),
      body: fc.nat(bodies.length - 1),
      boot: fc.constantFrom(null, 'b1', 'b2'),
      sequence: fc.constantFrom(null, 1, 2, 3, 4),
      disk: fc.constantFrom(undefined, undefined, undefined, 'D-1', 'D-2'),
      by: fc.constantFrom('anyone' as const, 'anyone' as const, 'own' as const, 'token' as const),
      uptime: fc.constantFrom(undefined, 5, 5000),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  fc.record({
    does: fc.constantFrom('beat' as const, 'seen' as const, 'edit' as const, 'remove' as const),
    machine: fc.nat(3),
  }),
  fc.record({ does: fc.constant('wait' as const), seconds: fc.constantFrom(1, 20, 400) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A server without HTTP, whose ids and times are the same in each run. */
class Side {
  readonly #store: Store;
  readonly #clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
  readonly #liveness = new Liveness(this.#clock, new Events('test'), () => 0.5, defaultLiveness);
  readonly #last: Counted | undefined;
  #ids = 0;

  constructor(store: Store, last: ((clock: ManualClock) => Counted) | undefined) {
    this.#store = store;
    this.#last = last?.(this.#clock);
  }

  get recalled(): number {
    return this.#last?.recalled ?? 0;
  }

  async take(one: Step): Promise<unknown> {
    if (one.does === 'wait') return this.#clock.advance(one.seconds * 1000);
    if (one.does === 'check in') return this.#checkIn(one);
    const { items } = await this.#store.machines.list();
    const found = items[one.machine];
    if (found === undefined) return undefined;
    const { value: machine } = found;
    if (one.does === 'remove') {
      this.#liveness.forget(machine.id);
      return this.#store.machines.delete(machine.id);
    }
    if (one.does === 'beat') {
      return this.#liveness.beat(machine.id, { boot_id: 'b1' }, 'Ready', {
        tokenId: null,
        isHolder: false,
      });
    }
    if (one.does === 'edit') {
      const { config } = machine;
      return this.#store.machines.put({
        ...machine,
        config: { ...config, tags: [...config.tags, 'x'] },
      });
    }
    const status = { ...machine.status, last_seen: this.#clock.now().toISOString() };
    const seen = { ...machine, status };
    const revision = await this.#store.machines.put(seen, found);
    this.#last?.seen(found, { value: seen, revision });
    return revision;
  }

  async #checkIn({ body, boot, sequence, disk, by, uptime, times }: Step & { does: 'check in' }) {
    const request: CheckinRequest = {
      ...structuredClone(bodies[body] ?? { mac }),
      ...(boot === null ? {} : { boot_id: boot }),
      ...(uptime === undefined ? {} : { uptime_seconds: uptime }),
      ...(disk === undefined ? {} : { disks: [{ name: 'sda', size_bytes: 1e12, serial: disk }] }),
    };
    const answers: unknown[] = [];
    for (let i = 0; i < times; i += 1) {
      const number = sequence === null ? {} : { sequence: sequence + i };
      answers.push(await this.#register({ ...request, ...number }, await this.#caller(by)));
      await this.#clock.advance(1000);
    }
    return answers;
  }

  async #register(request: CheckinRequest, caller: Principal): Promise<unknown> {
    const services = {
      store: this.#store,
      clock: this.#clock,
      liveness: this.#liveness,
      log: silentLog,
      newId: () => `01930000-0000-7000-8000-${String((this.#ids += 1)).padStart(12, '0')}`,
      ...(this.#last === undefined ? {} : { lastCheckins: this.#last }),
    };
    try {
      const registration = await register(services, request, caller);
      const { token, machine, ...rest } = registration;
      const { value } = machine;
      this.#liveness.checkedIn(value.id, request, 'Ready', {
        isWritten: rest.isSeenWritten,
        isHolder: rest.isHolder,
      });
      const { token_sha256: tokens = [], ...record } = value;
      const { known, ...said } = rest;
      const before = known && { ...known, token_sha256: undefined };
      return structuredClone({
        ...said,
        known: before,
        record,
        revision: machine.revision,
        tokens: tokens.length,
        isGiven: token !== undefined,
      });
    } catch (err) {
      if (!(err instanceof AppError)) throw err;
      return { code: err.code, message: err.message, details: err.details };
    }
  }

  async #caller(by: 'anyone' | 'own' | 'token'): Promise<Principal> {
    if (by === 'anyone') return { kind: 'anyone' };
    const { items } = await this.#store.machines.list({ limit: 1 });
    const machineId = items[0]?.value.id;
    if (by === 'own' && machineId !== undefined)
      return { kind: 'machine', machineId, tokenId: 'T' };
    return {
      kind: 'token',
      name: 'rack',
      scope: 'enrol',
      sha256: '',
      expires: null,
      isSession: false,
    };
  }

  /** All that is stored; tokens are drawn, and differ. */
  async contents(): Promise<string> {
    let text = '';
    for await (const piece of this.#store.backup()) text += piece;
    const drawn =
      /"token_sha256":\[[^\]]*\]|"what":"token","before":"[^"]*","after":"[^"]*"|"sha256":"[^"]*"/g;
    return text.replaceAll(drawn, '');
  }
}

it('answers and stores the same as if nothing were remembered', async () => {
  let recalled = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      const plain = new Side(await opened('memory:'), undefined);
      const quick = new Side(await opened('memory:'), (clock) => new Counted(clock));
      for (const one of steps) expect(await quick.take(one)).toEqual(await plain.take(one));
      expect(await quick.contents()).toBe(await plain.contents());
      recalled += quick.recalled;
    }),
    { numRuns: 80 },
  );
  expect(recalled).toBeGreaterThan(50);
});

it('remembers no more than it has room for, and whom it has for as long as they come', async () => {
  const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
  const store = await opened('memory:');
  const last = new Counted(clock, 3300);
  const liveness = new Liveness(clock, new Events('test'), () => 0.5, defaultLiveness);
  let ids = 0;
  const newId = () => `01930000-0000-7000-8000-${String((ids += 1)).padStart(12, '0')}`;
  const services = { store, clock, liveness, log: silentLog, newId, lastCheckins: last };
  const round = async (from: number, to: number): Promise<number> => {
    const before = last.recalled;
    for (let n = from; n < to; n += 1) {
      const request = { mac: `02:00:00:00:01:0${n}`, cpu_model: 'c'.repeat(100) };
      await register(services, request, { kind: 'anyone' });
    }
    return last.recalled - before;
  };
  await round(0, 6);
  await round(0, 6);
  expect(await round(0, 6)).toBe(2);
  expect(await round(0, 6)).toBe(2);
  await clock.advance(1_000_000);
  // All are written again, so long after they were seen, and the first two have given way.
  await round(3, 6);
  await round(3, 6);
  expect(await round(3, 6)).toBe(2);
  last.forget();
  expect(await round(3, 6)).toBe(0);
});

it('takes a machine for another one as soon as a second one has its hash', async () => {
  const server = await startServer();
  const body = (more: object) => ({ ...checkin(1, { boot_id: 'b1' }), ...more });
  const tell = async (more: object) =>
    (await server.call('POST', '/api/agent/checkin', { body: body(more) })).body;
  const first = await tell({ sequence: 1, system: { serial: 'SN-A1' } });
  for (const sequence of [2, 3, 4]) {
    const again = await tell({ sequence, system: { serial: 'SN-A1' } });
    expect(again).toMatchObject({ machine_id: first.machine_id, matched_by: 'identity_hash' });
  }
  const other = await tell({ sequence: 1, boot_id: 'b9', system: { serial: 'SN-B2' } });
  expect(other.machine_id).not.toBe(first.machine_id);
  const { machine_id } = await tell({ sequence: 5, system: { serial: 'SN-A1' } });
  expect(machine_id).toBe(first.machine_id);
});
