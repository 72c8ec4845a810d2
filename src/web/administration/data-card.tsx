// The data: a backup of it, and a check that every record can be read.
import { useState } from 'preact/hooks';
import type { DamagedList } from '../../model/api/administration/damaged.ts';
import { readDamaged } from './requests.ts';
import { backupWayOf, saveBackup, type BackupWay } from './backup.ts';
import { useServices } from '../context.ts';
import { Table } from '../machine/facts.tsx';
import { plural } from '../parts/format.ts';
import { Card } from '../parts/parts.tsx';
import { useTask } from '../parts/task.ts';

const inMemory =
  'While you are signed in for this tab alone, this browser holds the whole backup in memory before it saves it. To avoid that, stay signed in, or use dragonfly backup FILE.';

const savedText: Readonly<Record<BackupWay, string>> = {
  own: 'Your browser is saving it: see its downloads for when it is complete.',
  chosen: 'The backup is saved.',
  memory: 'The backup is saved.',
};

export function DataCard() {
  const { session } = useServices();
  const { busy, problem, run } = useTask();
  const [found, setFound] = useState<DamagedList['damaged'] | undefined>();
  const backup = useTask();
  const [saved, setSaved] = useState<BackupWay | undefined>();
  const download = async (): Promise<void> => {
    setSaved(undefined);
    if (await saveBackup(session)) setSaved(backupWayOf(session));
  };
  const check = async (): Promise<void> => setFound(await readDamaged(session));
  return (
    <Card
      title="Data"
      aside={
        <span class="controls">
          <button type="button" disabled={backup.busy} onClick={() => void backup.run(download)}>
            {backup.busy ? 'Reading all records…' : 'Download a backup'}
          </button>
          <button type="button" disabled={busy} onClick={() => void run(check)}>
            {busy ? 'Checking…' : 'Check all records'}
          </button>
        </span>
      }
    >
      <p>
        A backup holds all records, secrets among them: keep it as safe as the server.{' '}
        <code>dragonfly-server restore FILE</code> puts it into an empty store.
        {backupWayOf(session) === 'memory' && ` ${inMemory}`}
      </p>
      <p role="status" class="good">
        {saved !== undefined && savedText[saved]}
      </p>
      <p class="problem" role="alert">
        {backup.problem ?? problem}
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
