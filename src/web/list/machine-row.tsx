// A machine's row in the list.
import { Age, LivenessMark, StatePill, Tags } from '../parts/parts.tsx';
import { isPlainClick } from '../router.tsx';
import type { Row } from './row.ts';

interface RowProps {
  readonly row: Row;
  readonly index: number;
  readonly active: boolean;
  readonly selected: boolean;
  readonly nowMs: number;
  readonly onOpen: (row: Row) => void;
  readonly onSelect: (row: Row, range: boolean) => void;
}

export function MachineRow({ row, index, active, selected, nowMs, onOpen, onSelect }: RowProps) {
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
          {row.name}
        </a>
        {row.name !== row.memorableName && <span class="quiet">{row.memorableName}</span>}
      </div>
      <div role="gridcell" class="c-state">
        <StatePill state={row.state} title={row.errorMessage} />
      </div>
      <div role="gridcell" class="c-liveness">
        <LivenessMark liveness={row.liveness} />
      </div>
      <div role="gridcell" class="c-hardware" title={row.hardware}>
        {row.hardware === '' ? <span class="quiet">not reported</span> : row.hardware}
      </div>
      <div role="gridcell" class="c-address">
        {row.address === '' ? row.mac : row.address}
      </div>
      <div role="gridcell" class="c-tags">
        <Tags tags={row.tags} />
      </div>
      <div role="gridcell" class="c-lastSeen">
        <Age atMs={row.lastSeenMs} nowMs={nowMs} />
      </div>
    </div>
  );
}
