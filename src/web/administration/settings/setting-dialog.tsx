// The dialog that sets a setting. The value of a secret is not shown in it: a new one takes its place.
import { useState } from 'preact/hooks';
import type { Setting } from '../../../model/api/administration/settings.ts';
import { useServices } from '../../context.ts';
import { isSecret } from '../../../model/secret-setting.ts';
import type { Answer } from '../../session.ts';
import { FormDialog } from '../../parts/dialogs/form-dialog.tsx';
import { known, meaningOf } from './known.ts';
import { putSetting } from './requests.ts';

/** The text of the fields. */
export interface Typed {
  readonly key: string;
  readonly value: string;
}

interface Props {
  /** The setting as it was read for this; undefined: a new one. */
  readonly read: Answer<Setting> | undefined;
  /** The text that was left when a session ended. */
  readonly typed: Typed | undefined;
  /** Gets what is typed, but no secret. */
  readonly onTyped: (typed: Typed) => void;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

export function SettingDialog({ read, typed, onTyped, onClose, onChanged }: Props) {
  const { session } = useServices();
  const setting = read?.body;
  const isHidden = setting?.secret === true;
  const [key, setKey] = useState(typed?.key ?? setting?.key ?? '');
  const [value, setValue] = useState(typed?.value ?? (isHidden ? '' : (setting?.value ?? '')));
  const isSecretText = isHidden || (setting === undefined && isSecret({ key: key.trim() }));
  onTyped({ key, value: isSecretText ? '' : value });
  const submit = async (): Promise<[string]> => {
    const wanted = { value, ...(isHidden ? { secret: true } : {}) };
    await putSetting(session, key.trim(), wanted, read?.etag);
    return [''];
  };
  return (
    <FormDialog
      title={setting === undefined ? 'Set a setting' : `Set ${setting.key}`}
      action="Set"
      disabled={key.trim() === '' || (isHidden && value === '')}
      submit={submit}
      onClose={onClose}
      onDone={onChanged}
    >
      {setting === undefined && (
        <label>
          Key
          <input
            name="key"
            list="known-settings"
            autoFocus
            autoComplete="off"
            spellcheck={false}
            placeholder="template.default_user"
            value={key}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
        </label>
      )}
      <datalist id="known-settings">
        {known.map(([name, says]) => (
          <option key={name} value={name}>
            {says}
          </option>
        ))}
      </datalist>
      {key.trim() !== '' && (
        <p class="quiet">{meaningOf(key.trim()) ?? 'The server itself does not use it.'}</p>
      )}
      <label>
        Value
        <textarea
          name="value"
          rows={3}
          autoFocus={setting !== undefined}
          spellcheck={false}
          placeholder={isHidden ? 'a new one; the old one is not shown' : ''}
          value={value}
          onInput={({ currentTarget }) => setValue(currentTarget.value)}
        />
      </label>
    </FormDialog>
  );
}
