// Names of receivers whose resolver does not answer. Node looks up two names at once for the whole process, so that two
// look-ups that hang would keep all other receivers waiting.
import type { LookupAddress } from 'node:dns';
import type { Clock } from '../core/clock.ts';
import { Lanes } from '../core/lanes.ts';

/** All addresses of a name. */
export type LookUp = (name: string) => Promise<readonly LookupAddress[]>;

/** A resolver that works answers sooner. */
const quickMs = 2000;

/** Looks up each name once at a time, and those that were not looked up quickly the last time one after another: one of the
 *  two is always left for others. */
export function sharedLookUps(lookUp: LookUp, clock: Clock): LookUp {
  const underWay = new Map<string, ReturnType<LookUp>>();
  const quick = new Set<string>();
  const lanes = new Lanes();
  const ask: LookUp = async (name) => {
    const beganMs = clock.elapsedMs();
    try {
      return await lookUp(name);
    } finally {
      underWay.delete(name);
      if (clock.elapsedMs() - beganMs < quickMs) quick.add(name);
      else quick.delete(name);
    }
  };
  return (name) => {
    const known = underWay.get(name);
    if (known !== undefined) return known;
    const asked = quick.has(name) ? ask(name) : lanes.run('others', () => ask(name));
    underWay.set(name, asked);
    return asked;
  };
}
