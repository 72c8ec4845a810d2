// A step of the walk, and the pieces that steps are made of.
import type { Written } from './server.ts';
import type { Agent, Host, World } from './world.ts';

export interface Step {
  /** For people. */
  readonly label: string;
  readonly world: World;
  /** Why this must never happen. */
  readonly wrong?: string | undefined;
}

/** The time by the server's wall clock. */
export function nowOf({ clockDays }: World): Date {
  return new Date(Date.UTC(2026, 0, 10 + clockDays));
}

export function withHost(world: World, host: Partial<Host>): World {
  return { ...world, host: { ...world.host, ...host } };
}

export function withAgent(world: World, agent: Partial<Agent>): World {
  const { agent: before } = world.host;
  return before === undefined ? world : withHost(world, { agent: { ...before, ...agent } });
}

/** The same world where nothing in it changes: what is the same object needs no new key. */
export function withTruth(world: World, change: Partial<World['truth']>): World {
  const { truth } = world;
  const names = Object.keys(change) as (keyof World['truth'])[];
  const isSame = names.every((name) => change[name] === truth[name]);
  return isSame ? world : { ...world, truth: { ...truth, ...change } };
}

/** All of both; the list itself where it has all of `more`. */
export function united(list: readonly string[], more: readonly string[]): readonly string[] {
  const added = more.filter((one) => !list.includes(one));
  return added.length === 0 ? list : [...list, ...added];
}

/** Undefined where nothing more may go wrong. */
function mishap(world: World): World | undefined {
  const { mishaps, orders } = world.left;
  return mishaps === 0 ? undefined : { ...world, left: { mishaps: mishaps - 1, orders } };
}

/** A step that takes a mishap; none where nothing more may go wrong. */
export function unlucky(label: string, world: World, next: (world: World) => World): Step[] {
  const after = mishap(world);
  return after === undefined ? [] : [{ label, world: next(after) }];
}

/** The server dies between two writes, and no answer comes. */
export function dies(label: string, world: World, { halfway, records }: Written): Step[] {
  if (halfway.machine === records.machine) return [];
  return unlucky(`${label}, the server dies half-way`, world, (w) => ({ ...w, records: halfway }));
}
