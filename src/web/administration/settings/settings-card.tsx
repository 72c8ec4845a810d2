// Settings: what each of them means, and the dialogs that set and remove one.
import { useCallback, useState } from 'preact/hooks';
import type { Setting } from '../../../model/api/administration/settings.ts';
import { useMay, useServices } from '../../context.ts';
import { Table } from '../../machine/facts.tsx';
import { DangerDialog } from '../../parts/dialogs/danger-dialog.tsx';
import { useDraft } from '../../parts/draft.ts';
import { useLoaded } from '../../parts/loaded.ts';
import { Card, Notice } from '../../parts/parts.tsx';
import { useTask } from '../../parts/task.ts';
import type { Answer } from '../../session.ts';
import { meaningOf } from './known.ts';
import { deleteSetting, readSetting, readSettings } from './requests.ts';
import { SettingDialog, type Typed } from './setting-dialog.tsx';

/** The dialog that is open. `read`: the setting that it is about, as it was then; undefined: a new one. */
interface Open {
  readonly dialog: 'set' | 'remove';
  readonly read?: Answer<Setting>;
  readonly typed?: Typed;
}

export function SettingsCard() {
  const { session } = useServices();
  const { administer } = useMay();
  const read = useCallback(() => readSettings(session), [session]);
  const { value, problem, reload } = useLoaded(read);
  const draft = useDraft<Open>('setting');
  const [open, setOpen] = useState(administer ? draft.found : undefined);
  if (open === undefined) draft.keep(undefined);
  const settings = value?.settings ?? [];
  const opening = useTask();
  /** The list may be old: a change is based on what is stored now. */
  const openOne = (dialog: Open['dialog'], key: string): void =>
    void opening.run(async () =>
      setOpen({ dialog, read: withoutSecret(await readSetting(session, key)) }),
    );
  return (
    <Card
      title="Settings"
      aside={
        administer && (
          <button type="button" onClick={() => setOpen({ dialog: 'set' })}>
            Set…
          </button>
        )
      }
    >
      {(problem ?? opening.problem) !== undefined && (
        <Notice kind="error" title={problem ?? opening.problem ?? ''} />
      )}
      {value !== undefined && settings.length === 0 && (
        <p class="quiet">None: everything is at its default.</p>
      )}
      {settings.length > 0 && (
        <SettingTable settings={settings} onOpen={administer ? openOne : undefined} />
      )}
      {value?.damaged.map(({ record, error }) => (
        <p key={record} class="problem">
          {record}: {error}
        </p>
      ))}
      {open !== undefined && (
        <OpenDialog
          open={open}
          onTyped={(typed) => draft.keep({ ...open, typed })}
          onClose={() => setOpen(undefined)}
          onChanged={() => {
            setOpen(undefined);
            void reload();
          }}
        />
      )}
    </Card>
  );
}

/** Without the value of a secret, which no dialog shows and no draft may keep. */
function withoutSecret(read: Answer<Setting>): Answer<Setting> {
  return read.body.secret === true ? { ...read, body: { ...read.body, value: '' } } : read;
}

interface TableProps {
  readonly settings: readonly Setting[];
  /** Undefined for who may not change them. */
  readonly onOpen: ((dialog: Open['dialog'], key: string) => void) | undefined;
}

function SettingTable({ settings, onOpen }: TableProps) {
  return (
    <Table
      label="Settings, with their meaning"
      head={['Key', 'Value', 'Meaning', ...(onOpen === undefined ? [] : ['Change'])]}
      rows={settings.map((setting) => [
        <code>{setting.key}</code>,
        <Value setting={setting} />,
        meaningOf(setting.key),
        ...(onOpen === undefined ? [] : [<Controls of={setting.key} onOpen={onOpen} />]),
      ])}
    />
  );
}

function Value({ setting: { value, secret } }: { setting: Setting }) {
  if (secret === true) return <span class="quiet">a secret</span>;
  return (
    <code class="setting" title={value}>
      {value}
    </code>
  );
}

interface ControlProps {
  readonly of: string;
  readonly onOpen: (dialog: Open['dialog'], key: string) => void;
}

function Controls({ of: key, onOpen }: ControlProps) {
  return (
    <span class="controls">
      <button type="button" aria-label={`Set ${key}`} onClick={() => onOpen('set', key)}>
        Set…
      </button>
      <button type="button" aria-label={`Remove ${key}`} onClick={() => onOpen('remove', key)}>
        Remove…
      </button>
    </span>
  );
}

interface OpenProps {
  readonly open: Open;
  readonly onTyped: (typed: Typed) => void;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

function OpenDialog({ open, onTyped, onClose, onChanged }: OpenProps) {
  const { dialog, read, typed } = open;
  const { session } = useServices();
  if (dialog === 'set' || read === undefined) {
    const props = { read, typed, onTyped, onClose, onChanged };
    return <SettingDialog {...props} />;
  }
  const { key } = read.body;
  const remove = async (): Promise<void> => {
    await deleteSetting(session, key, read.etag);
    onChanged();
  };
  return (
    <DangerDialog title={`Remove ${key}?`} action="Remove" work={remove} onClose={onClose}>
      <p>From then on the server behaves as if it had never been set. Its value is not kept.</p>
    </DangerDialog>
  );
}
