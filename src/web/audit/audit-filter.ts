// The filter of the audit log's page, as its address holds it. Pure.
import { isSpan, type Span } from '../parts/span.tsx';

export interface AuditFilter {
  /** A part of the name of who did it. */
  readonly by?: string | undefined;
  readonly action?: string | undefined;
  readonly record?: string | undefined;
  readonly since?: Span | undefined;
}

const texts = ['by', 'action', 'record'] as const;

export function auditFilterOf(search: string): AuditFilter {
  const parameters = new URLSearchParams(search);
  const since = parameters.get('since') ?? '';
  const found = texts.map((name) => [name, parameters.get(name)?.trim() || undefined]);
  return { ...Object.fromEntries(found), since: isSpan(since) ? since : undefined };
}

export function auditPath(filter: AuditFilter): string {
  const parameters = new URLSearchParams();
  for (const name of [...texts, 'since'] as const) {
    const value = filter[name]?.trim() ?? '';
    if (value !== '') parameters.set(name, value);
  }
  return parameters.size === 0 ? '/audit' : `/audit?${parameters.toString()}`;
}

/** The kinds of records that operators change, as actions begin. */
export const auditedKinds = [
  'machines',
  'workflows',
  'templates',
  'conflicts',
  'tags',
  'settings',
  'tokens',
  'webhooks',
  'sessions',
  'damaged',
] as const;
