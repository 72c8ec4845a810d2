// Events of a workflow as a test compares them.
import type { WorkflowEvent } from '../../../src/model/api/agent.ts';

/** Each event in a few words: its type, its action, its success. */
export function summary(events: readonly WorkflowEvent[]): string[] {
  return events.map((e) => {
    const action = 'action' in e ? ` ${e.action}` : '';
    return `${e.type}${action}${'success' in e ? ` ${e.success}` : ''}`;
  });
}
