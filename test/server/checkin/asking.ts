// A registration without HTTP, and the check-ins of servers with few ports.
import { ManualClock } from '../../../src/core/clock.ts';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import type { Principal } from '../../../src/server/access/principal.ts';
import type { Registration } from '../../../src/server/checkin/registration.ts';
import type { Store } from '../../../src/store/store.ts';
import { opened } from '../../store/backends.ts';
import { registrar } from '../harness.ts';

export const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));

export const dock = '00:e0:4c:68:00:01';

export const uuid = (n: number): string => `4c4c4544-0051-3510-8052-b4c04f4a313${n}`;

export const installed = (n: number): string => `${n}`.repeat(32);

export function macs(...numbers: number[]): string[] {
  return numbers.map((n) => `02:00:00:00:00:0${n}`);
}

/** A machine with these ports, the first of them its primary. */
export function server(ports: string[], more: Partial<CheckinRequest> = {}): CheckinRequest {
  return { mac: ports[0] ?? '', all_macs: ports, ...more };
}

export interface Asked {
  readonly store: Store;
  /** Checks in and gives the registration. */
  readonly ask: (request: CheckinRequest, caller?: Principal) => Promise<Registration>;
}

export async function asking(): Promise<Asked> {
  const store = await opened('memory:');
  return { store, ask: registrar(store, clock) };
}

export function idOf(registration: Registration): string {
  return registration.machine.value.id;
}

export function candidates({ conflict }: Registration): string[] | undefined {
  return conflict?.candidates.map((c) => c.machine_id);
}
