// Hears the neighbours of this host with the patience that it takes.
import type { Clock } from '../../core/clock.ts';
import type { NeighbourFacts } from '../../model/inventory.ts';
import type { SourceOptions } from '../../sources/host.ts';
import type { Root } from '../../sources/root.ts';
import { collect } from '../collect.ts';
import { listenSeconds, neighboursProbe } from './neighbours.ts';

/** The time for a command that listens, with some to spare. */
const hearingMs = (listenSeconds + 4) * 1000;

/** The time that a collection has to allow each probe for it. */
export const patienceMs = 2 * hearingMs;

/** Undefined where nothing can listen. Errors: the signal's reason once it is aborted. */
export async function hearNeighbours(
  open: (path: string, options: SourceOptions) => Promise<Root>,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<NeighbourFacts | undefined> {
  const root = await open('/', { commandTimeoutMs: hearingMs, clock: options.clock });
  const probes = [neighboursProbe];
  return (await collect(root, { ...options, probes, timeoutMs: patienceMs })).facts.neighbours;
}
