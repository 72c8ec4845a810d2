// A machine's row in the list.
import { Age, LivenessMark, StatePill, Tags } from '../../parts/parts.tsx';
import { isPlainClick } from '../../router.tsx';
import type { Column } from '../list-state.ts';
import type { Row } from './row.ts';

interface RowProps {
  readonly row: Row;
  readonly columns: readonly Column[];
  /** The tags that are shown; more are counted. */
  readonly mostTags: number;
  readonly index: number;
  readonly active: boolean;
  readonly selected: boolean;
  readonly nowMs: number;
  readonly onOpen: (row: Row) => void;
  readonly onSelect: (row: Row, range: boolean) => void;
}

export function MachineRow({
  row,
  columns,
  mostTags,
  index,
  active,
  selected,
  nowMs,
  onOpen,
  onSelect,
}: RowProps) {
  return (
    <div
      role="row"
      id={`row-${row.id}`}
      class={active ? 'row active' : 'row'}
      aria-rowindex={index + 2}
      aria-selected={selected}
      onClick={(event) => {
        if (isPlainClick(event)) onOpen(row);
        else onSelect(row, event.shiftKey);
        event.preventDefault();
      }}
    >
      <div
        role="gridcell"
        class="c-select"
        onClick={(event) => {
          event.stopPropagation();
          onSelect(row, event.shiftKey);
        }}
      >
        <span class="box" />
      </div>
      <div role="gridcell" class="c-name">
        <a
          href={`/machines/${row.id}`}
          tabIndex={-1}
          onClick={(event) => {
            // Opens in a new tab or window, as links do, and selects nothing.
            if (!isPlainClick(event) && !event.shiftKey) event.stopPropagation();
          }}
        >
          <Name name={row.name} />
        </a>
        {row.name !== row.memorableName && <span class="quiet">{row.memorableName}</span>}
      </div>
      {columns.map((column) => (
        <Cell key={column} column={column} row={row} mostTags={mostTags} />
      ))}
      <div role="gridcell" class="c-lastSeen">
        <Age atMs={row.lastSeenMs} nowMs={nowMs} />
      </div>
    </div>
  );
}

/** A name whose end stays visible where it does not fit: the end tells machines apart. */
function Name({ name }: { name: string }) {
  const [, head = '', tail = ''] = /^(.{12,}?)([^.]{1,12}(?:\..*)?)$/.exec(host(name)) ?? [];
  if (head === '') return <span title={name}>{name}</span>;
  return (
    <span class="long-name" title={name}>
      <span>{head}</span>
      <span>{tail}</span>
    </span>
  );
}

/** A host name without its domain, which all have in common. */
function host(name: string): string {
  return /^\d+(\.\d+){3}$/.test(name) ? name : (name.split('.', 1)[0] ?? name);
}

interface CellProps extends Pick<RowProps, 'row' | 'mostTags'> {
  readonly column: Column;
}

function Cell({ column, row, mostTags }: CellProps) {
  const content = contentOf(column, row, mostTags);
  const isText = typeof content === 'string';
  return (
    <div role="gridcell" class={`c-${column}`} title={isText ? content : undefined}>
      {content === '' ? <span class="quiet">–</span> : content}
    </div>
  );
}

function contentOf(column: Column, row: Row, mostTags: number) {
  switch (column) {
    case 'state':
      return <StatePill state={row.state} title={row.errorMessage} />;
    case 'liveness':
      return <LivenessMark liveness={row.liveness} />;
    case 'tags':
      return <Tags tags={row.tags} most={mostTags} />;
    case 'hardware':
      return row.hardware === '' ? <span class="quiet">not reported</span> : row.hardware;
    case 'address':
      return row.address === '' ? row.mac : row.address;
    case 'problems':
      return row.problems === 0 ? '' : <b class="problem">{row.problems}</b>;
    case 'model':
    case 'serial':
    case 'os':
    case 'template':
    case 'agent':
      return row[column] ?? '';
  }
}
