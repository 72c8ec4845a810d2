// The state of a workflow in the words that people read. No schema library is loaded, as the page has none.
import type { Workflow } from './workflow.ts';

export type WorkflowWord = 'pending' | 'running' | 'success' | 'failed' | 'timeout' | 'cancelled';

const words = {
  STATE_PENDING: 'pending',
  STATE_RUNNING: 'running',
  STATE_SUCCESS: 'success',
  STATE_FAILED: 'failed',
  STATE_TIMEOUT: 'timeout',
} as const;

/** True if a workflow is waiting or running. */
export function isActive(workflow: Workflow): boolean {
  const state = workflow.status?.state ?? 'STATE_PENDING';
  return state === 'STATE_PENDING' || state === 'STATE_RUNNING';
}

/** One that an operator ended is cancelled, whatever state it is stored in. */
export function wordOf({ status }: Workflow): WorkflowWord {
  return status?.cancelled === true ? 'cancelled' : words[status?.state ?? 'STATE_PENDING'];
}
