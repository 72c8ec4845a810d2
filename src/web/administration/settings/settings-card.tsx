// Settings: what each of them means, and the dialogs that set and remove one.
import { useCallback, useState } from 'preact/hooks';
import type { Setting } from '../../../model/api/administration/settings.ts';
import { useMay, useServices } from '../../context.ts';
import { Table } from '../../machine/facts.tsx';
import { DangerDialog } from '../../parts/danger-dialog.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { Card, Notice } from '../../parts/parts.tsx';
import { meaningOf } from './known.ts';
import { deleteSetting, readSettings } from './requests.ts';
import { SettingDialog } from './setting-dialog.tsx';

/** The dialog that is open. `setting`: the one that it is about; undefined: a new one. */
interface Open {
  readonly dialog: 'set' | 'remove';
  readonly setting?: Setting;
}

export function SettingsCard() {
  const { session } = useServices();
  const { administer } = useMay();
  const read = useCallback(() => readSettings(session), [session]);
  const { value, problem, reload } = useLoaded(read);
  const [open, setOpen] = useState<Open | undefined>();
  const settings = value?.settings ?? [];
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
      {problem !== undefined && <Notice kind="error" title={problem} />}
      {value !== undefined && settings.length === 0 && (
        <p class="quiet">None: everything is as the server has it by itself.</p>
      )}
      {settings.length > 0 && (
        <SettingTable settings={settings} onOpen={administer ? setOpen : undefined} />
      )}
      {value?.damaged?.map(({ record, error }) => (
        <p key={record} class="problem">
          {record}: {error}
        </p>
      ))}
      {open !== undefined && (
        <OpenDialog
          open={open}
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

interface TableProps {
  readonly settings: readonly Setting[];
  /** Undefined for who may not change them. */
  readonly onOpen: ((open: Open) => void) | undefined;
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
        ...(onOpen === undefined ? [] : [<Controls setting={setting} onOpen={onOpen} />]),
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
  readonly setting: Setting;
  readonly onOpen: (open: Open) => void;
}

function Controls({ setting, onOpen }: ControlProps) {
  return (
    <span class="controls">
      <button
        type="button"
        aria-label={`Set ${setting.key}`}
        onClick={() => onOpen({ dialog: 'set', setting })}
      >
        Set…
      </button>
      <button
        type="button"
        aria-label={`Remove ${setting.key}`}
        onClick={() => onOpen({ dialog: 'remove', setting })}
      >
        Remove…
      </button>
    </span>
  );
}

interface OpenProps {
  readonly open: Open;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

function OpenDialog({ open: { dialog, setting }, onClose, onChanged }: OpenProps) {
  const { session } = useServices();
  if (dialog === 'set' || setting === undefined) {
    return <SettingDialog setting={setting} onClose={onClose} onChanged={onChanged} />;
  }
  const remove = async (): Promise<void> => {
    await deleteSetting(session, setting.key);
    onChanged();
  };
  return (
    <DangerDialog title={`Remove ${setting.key}?`} action="Remove" work={remove} onClose={onClose}>
      <p>From then on the server does as it does without it. Its value is kept nowhere.</p>
    </DangerDialog>
  );
}
