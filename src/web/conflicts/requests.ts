// The API operations on conflicts. Each of them throws ApiError.
import type { IdentityConflict } from '../../model/history.ts';
import type { Session } from '../session.ts';

export async function readConflicts(
  session: Session,
  signal: AbortSignal,
): Promise<readonly IdentityConflict[]> {
  const { body } = await session.request<{ conflicts: readonly IdentityConflict[] }>(
    '/api/conflicts?limit=1000',
    { signal },
  );
  return body.conflicts;
}

/** Merges the conflict's machine into the candidate `into`. */
export async function acceptConflict(session: Session, id: string, into: string): Promise<void> {
  const path = `/api/conflicts/${encodeURIComponent(id)}/accept`;
  await session.request(path, { method: 'POST', body: { into } });
}

/** Decides that the machine is the one at an address that the conflict refused. */
export async function acceptAddress(session: Session, id: string, address: string): Promise<void> {
  const path = `/api/conflicts/${encodeURIComponent(id)}/accept`;
  await session.request(path, { method: 'POST', body: { address } });
}

/** Takes back the decision that the conflict's machine is a separate one. */
export async function reopenConflict(session: Session, id: string): Promise<void> {
  const path = `/api/conflicts/${encodeURIComponent(id)}/reopen`;
  await session.request(path, { method: 'POST' });
}

/** Decides that the conflict's machine is a separate one. */
export async function splitConflict(session: Session, id: string): Promise<void> {
  const path = `/api/conflicts/${encodeURIComponent(id)}/split`;
  await session.request(path, { method: 'POST' });
}
