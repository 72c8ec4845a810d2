// The filter of the workflows' page, as its address holds it. Pure.
import type { WorkflowListQuery } from '../../model/api/workflows.ts';

export type WorkflowState = NonNullable<WorkflowListQuery['state']>;
export type Span = '24h' | '7d' | '30d';

export interface WorkflowFilter {
  readonly state?: WorkflowState | undefined;
  readonly since?: Span | undefined;
}

export const states: readonly WorkflowState[] = [
  'active',
  'success',
  'failed',
  'timeout',
  'cancelled',
];
export const spans: Readonly<Record<Span, string>> = {
  '24h': 'last 24 hours',
  '7d': 'last 7 days',
  '30d': 'last 30 days',
};
const hours: Readonly<Record<Span, number>> = { '24h': 24, '7d': 168, '30d': 720 };

export const isSpan = (text: string): text is Span => Object.hasOwn(spans, text);

export function workflowFilterOf(search: string): WorkflowFilter {
  const parameters = new URLSearchParams(search);
  const since = parameters.get('since') ?? '';
  return {
    state: states.find((state) => state === parameters.get('state')),
    since: isSpan(since) ? since : undefined,
  };
}

export function workflowsPath({ state, since }: WorkflowFilter): string {
  const parameters = new URLSearchParams({
    ...(state === undefined ? {} : { state }),
    ...(since === undefined ? {} : { since }),
  });
  return parameters.size === 0 ? '/workflows' : `/workflows?${parameters.toString()}`;
}

/** When the span began, in RFC 3339. */
export function sinceOf(span: Span, nowMs: number): string {
  return new Date(nowMs - hours[span] * 3_600_000).toISOString();
}
