// The data: a check that every record can be read.
import { useState } from 'preact/hooks';
import type { DamagedList } from '../../model/api/administration/damaged.ts';
import { readDamaged } from '../api.ts';
import { useServices } from '../context.ts';
import { Table } from '../machine/facts.tsx';
import { plural } from '../parts/format.ts';
import { Card } from '../parts/parts.tsx';
import { useTask } from '../parts/task.ts';

export function DataCard() {
  const { session } = useServices();
  const { busy, problem, run } = useTask();
  const [found, setFound] = useState<DamagedList['damaged'] | undefined>();
  const check = async (): Promise<void> => setFound(await readDamaged(session));
  return (
    <Card
      title="Data"
      aside={
        <button type="button" disabled={busy} onClick={() => void run(check)}>
          {busy ? 'Checking…' : 'Check all records'}
        </button>
      }
    >
      <p>
        A backup is made on the server, also while it runs:{' '}
        <code>dragonfly-server backup FILE</code>
      </p>
      <p class="problem" role="alert">
        {problem}
      </p>
      {found !== undefined && <Found damaged={found} />}
    </Card>
  );
}

function Found({ damaged }: { damaged: DamagedList['damaged'] }) {
  return (
    <>
      <p role="status" class={damaged.length === 0 ? 'good' : 'problem'}>
        {damaged.length === 0
          ? 'Every record can be read.'
          : `${plural(damaged.length, 'record')} cannot be read.`}
      </p>
      {damaged.length > 0 && (
        <Table
          label="Records that cannot be read"
          head={['Record', 'Put aside', 'Fault']}
          rows={damaged.map(({ record, aside, error }) => [
            <code>{record}</code>,
            aside ? 'yes' : 'no',
            error,
          ])}
        />
      )}
    </>
  );
}
