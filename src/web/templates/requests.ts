// The API operations on templates. Each of them throws ApiError.
import type { TemplateTrial, TemplateView } from '../../model/api/templates.ts';
import type { Answer, Session } from '../session.ts';

export async function readTemplates(session: Session): Promise<readonly TemplateView[]> {
  const { body } = await session.request<{ templates: readonly TemplateView[] }>(
    '/api/templates?limit=1000',
  );
  return body.templates;
}

const templatePath = (name: string): string => `/api/templates/${encodeURIComponent(name)}`;

/** Errors: `template.unknown`. */
export function readTemplate(session: Session, name: string): Promise<Answer<TemplateView>> {
  return session.request(templatePath(name));
}

/** Replaces the template that has this `etag`; undefined: there is none yet. Errors: `request.invalid` with the
 *  `path` of the field, `request.stale`. */
export async function saveTemplate(
  session: Session,
  name: string,
  document: unknown,
  etag: string | undefined,
): Promise<void> {
  const condition = etag === undefined ? { headers: { 'if-none-match': '*' } } : { ifMatch: etag };
  await session.request(templatePath(name), { method: 'PUT', body: document, ...condition });
}

/** Checks a template that need not be stored, and plans it for a machine if one is named. Errors: `request.invalid`
 *  with the `path` of the field. */
export async function tryTemplate(
  session: Session,
  name: string,
  document: unknown,
  machineId: string | undefined,
): Promise<TemplateTrial> {
  const query = machineId === undefined ? '' : `?machine_id=${encodeURIComponent(machineId)}`;
  const options = { method: 'POST', body: document, changesNothing: true } as const;
  return (await session.request<TemplateTrial>(`${templatePath(name)}/try${query}`, options)).body;
}

/** The server's description of its API, an OpenAPI document. */
export async function readDescription(session: Session): Promise<unknown> {
  return (await session.request('/api/openapi.json')).body;
}

/** Errors: `template.in-use` without `force`, where machines have it; `request.stale`. */
export async function deleteTemplate(
  session: Session,
  name: string,
  etag: string | undefined,
  force: boolean,
): Promise<void> {
  const path = `${templatePath(name)}${force ? '' : '?unused=true'}`;
  await session.request(path, { method: 'DELETE', ifMatch: etag });
}
