// Bulk requests cut into pieces, for the clients that make them: no schemas here, since the page has no use for them.
import type { BulkRequest } from './machines.ts';

/** One change for many machines. */
export type BulkChange = Omit<BulkRequest, 'ids'>;

/** The request for some of the machines that a change is about. */
export function bulkRequest(ids: readonly string[], change: BulkChange): BulkRequest {
  const { plan_digests: digests, ...rest } = change;
  if (digests === undefined) return { ids: [...ids], ...rest };
  const some = ids.flatMap((id) => {
    const digest = digests[id];
    return digest === undefined ? [] : [[id, digest] as const];
  });
  return { ids: [...ids], ...rest, plan_digests: Object.fromEntries(some) };
}
