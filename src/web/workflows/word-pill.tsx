// The outcome of a workflow and its times, in short.
import type { Workflow } from '../../model/documents/workflow.ts';
import { isActive, wordOf } from '../../model/documents/workflow-state.ts';
import { formatDuration } from '../parts/format.ts';
import { wordText } from './progress.tsx';

export function WordPill({ workflow }: { workflow: Workflow }) {
  const isHeld = workflow.held !== undefined && isActive(workflow);
  const word = wordOf(workflow);
  return <span class={`pill word-${word}`}>{isHeld ? 'held' : wordText[word]}</span>;
}

/** "2026-11-24 09:30 UTC, 12 min": when it began, and how long it took. */
export function timesOf({ status }: Workflow): string {
  const { startedAt, completedAt } = status ?? {};
  if (!startedAt) return 'never begun';
  const began = `${new Date(startedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (!completedAt) return began;
  return `${began}, ${formatDuration((Date.parse(completedAt) - Date.parse(startedAt)) / 1000)}`;
}
