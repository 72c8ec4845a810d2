// The outcome of a workflow and its times, in short.
import type { Workflow } from '../../model/documents/workflow.ts';
import { isActive, wordOf } from '../../model/documents/workflow-state.ts';
import { formatDuration, formatTime } from '../parts/format.ts';
import { useRefusal, wordText } from './progress.tsx';

export function WordPill({ workflow }: { workflow: Workflow }) {
  const isHeld = workflow.held !== undefined && isActive(workflow);
  const word = wordOf(workflow);
  if (useRefusal(workflow) !== undefined) return <span class="pill word-failed">refused</span>;
  return <span class={`pill word-${word}`}>{isHeld ? 'held' : wordText[word]}</span>;
}

/** "2026-11-24 09:30 UTC, 12 min": when it began, and how long it took. */
export function timesOf(workflow: Workflow): string {
  const { startedAt, completedAt } = workflow.status ?? {};
  if (!startedAt) return isActive(workflow) ? 'not begun yet' : 'never begun';
  const began = formatTime(startedAt);
  if (!completedAt) return began;
  const seconds = (Date.parse(completedAt) - Date.parse(startedAt)) / 1000;
  return Number.isNaN(seconds)
    ? `${began} to ${formatTime(completedAt)}`
    : `${began}, ${formatDuration(seconds)}`;
}
