// The API operations on sessions. Each of them throws ApiError.
import type { SessionList, SessionsEnded } from '../../../model/api/administration/sessions.ts';
import type { Session } from '../../session.ts';

/** Those that have not ended: one's own or, for who may do everything, all. */
export async function readSessions(session: Session): Promise<SessionList['sessions']> {
  return (await session.request<SessionList>('/api/sessions')).body.sessions;
}

export async function endSession(session: Session, id: string): Promise<void> {
  await session.request(`/api/sessions/${id}`, { method: 'DELETE' });
}

/** Ends all of one's own. Returns how many. */
export async function endOwnSessions(session: Session): Promise<number> {
  const { body } = await session.request<SessionsEnded>('/api/sessions', { method: 'DELETE' });
  return body.ended;
}
