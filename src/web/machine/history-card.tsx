// The changes that a machine's check-ins reported, newest first.
import type { ComponentChildren } from 'preact';
import type { MachineChange } from '../../model/history.ts';
import { formatMemory } from '../parts/format.ts';
import { Age, Card } from '../parts/parts.tsx';

export function HistoryCard({
  changes,
  nowMs,
}: {
  changes: readonly MachineChange[];
  nowMs: number;
}) {
  return (
    <Card title="History">
      {changes.length === 0 && (
        <p class="quiet">Nothing about this machine has changed since it was first seen.</p>
      )}
      <ol class="history">
        {changes.map((change, i) => (
          <li key={i}>
            <span>
              {changeText(change)}
              {change.by !== undefined && ` by ${change.by}`}
            </span>
            <span class="quiet">
              <Age atMs={Date.parse(change.at)} nowMs={nowMs} />
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function changeText({ what, before, after }: MachineChange): ComponentChildren {
  const name = what
    .replace('_bytes', '')
    .replaceAll('_', ' ')
    .replace(/\b(?:mac|smbios uuid|id|cpu|gpu|os)\b/, (word) => word.toUpperCase());
  const value = (shown: MachineChange['before']) => (
    <code>
      {what === 'memory_bytes' && typeof shown === 'number' ? formatMemory(shown) : String(shown)}
    </code>
  );
  if (before === null) {
    return (
      <>
        {name} {value(after)} added
      </>
    );
  }
  if (after === null) {
    return (
      <>
        {name} {value(before)} gone
      </>
    );
  }
  return (
    <>
      {name} {value(before)} → {value(after)}
    </>
  );
}
