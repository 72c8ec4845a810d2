// Small charts of how many machines there are of each kind; each of their parts leads to its list.
import { useState } from 'preact/hooks';
import { Card } from '../parts/parts.tsx';
import { Link } from '../router.tsx';

export interface Group {
  readonly name: string;
  readonly count: number;
  readonly to: string;
}

/** One bar with a part for each group, and the groups below it. */
export function StateBar({ kind, groups }: { kind: string; groups: readonly Group[] }) {
  if (groups.length === 0) return <p class="quiet">No machine yet.</p>;
  return (
    <>
      <div class="stack" aria-hidden="true">
        {groups.map(({ name, count }) => (
          <span key={name} class={`${kind}-${name}`} style={{ flexGrow: count }} />
        ))}
      </div>
      <ul class="legend">
        {groups.map(({ name, count, to }) => (
          <li key={name} class={`chip ${kind}-${name}`}>
            <span class="dot" aria-hidden="true" />
            <Link to={to}>
              {name} <b>{count.toLocaleString('en')}</b>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}

const few = 6;

/** A bar for each group, the longest first; the rest on demand. Nothing where there are none. */
export function Bars({ title, groups }: { title: string; groups: readonly Group[] }) {
  const [isOpen, setOpen] = useState(false);
  if (groups.length === 0) return null;
  const most = groups[0]?.count ?? 1;
  const shown = isOpen ? groups : groups.slice(0, few);
  const left = groups.length - shown.length;
  return (
    <Card title={title}>
      <ul class="bars">
        {shown.map(({ name, count, to }) => (
          <li key={name}>
            <Link to={to}>
              <span title={name}>{name}</span>
              <b>{count.toLocaleString('en')}</b>
            </Link>
            <span class="bar" aria-hidden="true">
              <span style={{ width: `${String((100 * count) / most)}%` }} />
            </span>
          </li>
        ))}
      </ul>
      {left > 0 && (
        <button type="button" class="more" onClick={() => setOpen(true)}>
          {left.toLocaleString('en')} more
        </button>
      )}
    </Card>
  );
}
