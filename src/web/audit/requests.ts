// The API operations on the audit log. Each of them throws ApiError.
import type { AuditList, AuditQuery } from '../../model/api/administration/audit.ts';
import type { Session } from '../session.ts';

/** The audit log, newest first. */
export async function readAudit(
  session: Session,
  query: { readonly [Name in keyof AuditQuery]?: AuditQuery[Name] | undefined },
): Promise<AuditList> {
  const parameters = new URLSearchParams({ order: 'newest' });
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return (await session.request<AuditList>(`/api/audit?${parameters.toString()}`)).body;
}

/** The whole audit log, a JSON document to a line. */
export async function exportAudit(session: Session): Promise<string> {
  return (await session.open('/api/audit/export')).text();
}
