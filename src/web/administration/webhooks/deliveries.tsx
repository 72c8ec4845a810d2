// The events on their way to a webhook, or those that were given up and may be sent again. Read when they are opened.
import { useCallback, useState } from 'preact/hooks';
import type { DeliveryView } from '../../../model/api/administration/webhooks.ts';
import { useRow, useServices } from '../../context.ts';
import { Table } from '../../machine/facts.tsx';
import { formatTime } from '../../parts/format.ts';
import { useLoaded } from '../../parts/loaded.ts';
import { useTask } from '../../parts/task.ts';
import { Link } from '../../router.tsx';
import { readDeliveries, redeliver, type DeliveryState } from './requests.ts';

const texts = {
  failed: { title: 'Given up', none: 'Nothing was given up.' },
  waiting: { title: 'Waiting', none: 'Nothing waits.' },
} as const;

interface Props {
  readonly name: string;
  readonly state: DeliveryState;
}

export function Deliveries({ name, state }: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{texts[state].title}</summary>
      {isOpen && <List name={name} state={state} />}
    </details>
  );
}

function List({ name, state }: Props) {
  const { session } = useServices();
  const read = useCallback(() => readDeliveries(session, name, state), [session, name, state]);
  const { value, problem, reload } = useLoaded(read, 10_000);
  const { busy, problem: refusal, run } = useTask();
  const again = (id?: string): void =>
    void run(async () => {
      await redeliver(session, name, id);
      await reload();
    });
  const { deliveries = [], next_cursor: next = null } = value ?? {};
  return (
    <>
      <p class="problem" role="alert">
        {refusal ?? problem}
      </p>
      {value !== undefined && deliveries.length === 0 && <p class="quiet">{texts[state].none}</p>}
      {deliveries.length > 0 && (
        <Table
          label={`${texts[state].title}: events for ${name}`}
          head={[
            'Event',
            'Machine',
            'Happened',
            'Tries',
            'Last error',
            ...(state === 'failed' ? ['Send again'] : []),
          ]}
          rows={deliveries.map((delivery) => [
            ...cellsOf(delivery),
            ...(state === 'failed'
              ? [
                  <button
                    type="button"
                    aria-label={`Send again ${delivery.event.type}, ${formatTime(delivery.event.timestamp)}`}
                    disabled={busy}
                    onClick={() => again(delivery.id)}
                  >
                    Send again
                  </button>,
                ]
              : []),
          ])}
        />
      )}
      {next !== null && <p class="quiet">The first {deliveries.length} are shown.</p>}
      {state === 'failed' && deliveries.length > 1 && (
        <button type="button" class="more" disabled={busy} onClick={() => again()}>
          Send all again
        </button>
      )}
    </>
  );
}

function cellsOf({ event, tries, error }: DeliveryView) {
  const id = event.data['machine_id'];
  return [
    event.type,
    typeof id === 'string' ? <Machine id={id} /> : null,
    formatTime(event.timestamp),
    String(tries),
    error,
  ];
}

function Machine({ id }: { id: string }) {
  return <Link to={`/machines/${id}`}>{useRow(id)?.name ?? id}</Link>;
}
