// The filter of the workflows' page, as its address holds it. Pure.
import type { WorkflowListQuery } from '../../model/api/workflows.ts';
import { isSpan, type Span } from '../parts/span.tsx';

export type WorkflowState = NonNullable<WorkflowListQuery['state']>;

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
