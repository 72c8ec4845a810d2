// A store whose machines' texts are followed.
import fc from 'fast-check';
import { ManualClock } from '../../../../src/core/clock.ts';
import {
  listMachines,
  machineTexts,
  type ListServices,
} from '../../../../src/server/machines/machine-list.ts';
import { countFleet } from '../../../../src/server/running/metrics/fleet.ts';
import { Events } from '../../../../src/server/running/events.ts';
import { Liveness } from '../../../../src/server/running/liveness/liveness.ts';
import { defaultLiveness } from '../../../../src/server/running/liveness/pace.ts';
import { storeOver } from '../../../../src/store/kv-store.ts';
import { MemoryKv } from '../../../../src/store/memory.ts';
import type { Machine } from '../../../../src/model/machine.ts';
import type { MachineListQuery } from '../../../../src/model/api/machines.ts';
import { machine } from '../../../store/documents.ts';

export const startsAt = new Date('2026-11-26T12:00:00Z');

/** Few texts, so that they meet: parts of each other, other alphabets, pairs of surrogates and halves of them. */
export const text = fc.oneof(
  fc.constantFrom('a', 'ab', 'rack-1', 'rack-10', 'EPYC', 'é', '😀', '\uD83D', '\uFFFD', 'a\nb'),
  fc.string({ unit: fc.constantFrom('a', 'b', '-', '1', 'É', '\u0001', '😀'), maxLength: 4 }),
  // Too long to be kept, and so long that a few fill a block.
  fc.constantFrom('x'.repeat(20_000), 'y'.repeat(6000)),
);

const some = fc.array(text, { maxLength: 3 });

export const number = fc.integer({ min: 1, max: 24 });

const time = fc.constantFrom<string>(
  '2026-11-26T11:59:30Z',
  '2026-11-26T10:30:00Z',
  '2026-11-20T00:00:00Z',
  '2027-01-01T00:00:00Z',
);

export const changes = fc.record({
  n: number,
  seen: fc.option(fc.oneof({ weight: 6, arbitrary: time }, fc.constant('once'))),
  made: time,
  hostname: fc.option(text),
  tags: some,
  labels: fc.dictionary(fc.constantFrom('a', 'b'), text, { noNullPrototype: true }),
  serials: some,
  state: fc.constantFrom<Machine['status']['state']>('Ready', 'Offline', {
    Error: { message: 'ab' },
  }),
  problems: some,
  returns: fc.constantFrom(0, 0, 2),
});

type Change = typeof changes extends fc.Arbitrary<infer C> ? C : never;

export function changed({
  n,
  seen,
  made,
  hostname,
  tags,
  labels,
  serials,
  state,
  problems,
  returns,
}: Change): Machine {
  const base = machine(n);
  return {
    ...base,
    status: { ...base.status, state, last_seen: seen },
    config: { ...base.config, hostname, tags },
    metadata: { ...base.metadata, labels, created_at: made, updated_at: made },
    hardware: {
      ...base.hardware,
      disks: serials.map((serial) => ({ device: '/dev/sda', size_bytes: 1, model: null, serial })),
    },
    local_boot: { at: startsAt.toISOString(), returns, boot_id: null },
    report: {
      at: '2026-11-26T11:59:00Z',
      hostname: null,
      ip_address: null,
      bmc_address: null,
      existing_os: null,
      nameservers: [],
      boot_id: null,
      agent_version: '0.2.0',
      matched_by: 'new',
      evidence: [],
      problems: problems.map((message) => ({
        code: 'read.denied',
        section: 'x',
        source: '/',
        message,
      })),
    },
  };
}

/** A store that two servers have, and the texts that one of them keeps of it. */
export async function followedStore() {
  const clock = new ManualClock(startsAt);
  const liveness = new Liveness(clock, new Events('test'), () => 0.5, defaultLiveness);
  const kv = new MemoryKv();
  const [store, other] = [storeOver(kv), storeOver(kv)];
  const texts = machineTexts({ store, liveness, clock });
  const leave = new AbortController();
  await store.watch((change) => {
    texts.changed(change?.id);
  }, leave.signal);
  texts.isWatched = true;
  await texts.upToDate();
  return { kv, other, leave, s: { store, liveness, clock, texts, fleet: countFleet(store) } };
}

/** The answer of all pages: the machines, and the records that could not be read. */
export async function all(s: ListServices, asked: MachineListQuery) {
  const machines: string[] = [];
  const damaged: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listMachines(s, {
      ...asked,
      ...(cursor === undefined ? {} : { cursor }),
    });
    machines.push(...page.machines.map((found) => found.id));
    damaged.push(...page.damaged.map(({ record }) => record));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { machines, damaged };
}
