// The dialog that makes a webhook, or changes its address and its events.
import { useState } from 'preact/hooks';
import { webhookEvents } from '../../../model/api/events.ts';
import type { WebhookSecret, WebhookView } from '../../../model/api/administration/webhooks.ts';
import { useServices } from '../../context.ts';
import { FormDialog, NameField } from '../../parts/dialogs/form-dialog.tsx';
import { createWebhook, patchWebhook } from './requests.ts';

type EventName = (typeof webhookEvents)[number];

interface Props {
  /** The one that is changed; undefined: a new one. */
  readonly webhook?: WebhookView;
  readonly onClose: () => void;
  readonly onCreated: (made: WebhookSecret) => void;
  readonly onChanged: () => void;
}

export function WebhookDialog({ webhook, onClose, onCreated, onChanged }: Props) {
  const { session } = useServices();
  const [name, setName] = useState('');
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(webhook?.events));
  const submit = async (): Promise<[string]> => {
    const events = eventsOf(chosen);
    if (webhook !== undefined)
      await patchWebhook(session, webhook.name, { url: url.trim(), events });
    else onCreated(await createWebhook(session, { name: name.trim(), url: url.trim(), events }));
    return [''];
  };
  return (
    <FormDialog
      title={webhook === undefined ? 'Create a webhook' : `Change ${webhook.name}`}
      action={webhook === undefined ? 'Create' : 'Save'}
      disabled={url.trim() === '' || (webhook === undefined && name.trim() === '')}
      submit={submit}
      onClose={onClose}
      onDone={() => {
        if (webhook === undefined) return;
        onClose();
        onChanged();
      }}
    >
      {webhook === undefined && (
        <NameField example="inventory (a-z, 0-9, -)" value={name} onInput={setName} />
      )}
      <label>
        Address
        <input
          name="url"
          type="url"
          autoComplete="off"
          autoFocus={webhook !== undefined}
          required
          placeholder="https://hooks.example/dragonfly"
          value={url}
          onInput={({ currentTarget: { value } }) => setUrl(value)}
        />
      </label>
      <Events chosen={chosen} onChange={setChosen} />
    </FormDialog>
  );
}

/** None stands for all. */
function eventsOf(chosen: ReadonlySet<string>): EventName[] | null {
  return chosen.size === 0 ? null : webhookEvents.filter((event) => chosen.has(event));
}

interface EventsProps {
  readonly chosen: ReadonlySet<string>;
  readonly onChange: (chosen: ReadonlySet<string>) => void;
}

function Events({ chosen, onChange }: EventsProps) {
  return (
    <fieldset>
      <legend>Events (none chosen: all)</legend>
      {webhookEvents.map((event) => (
        <label key={event} class="check">
          <input
            type="checkbox"
            checked={chosen.has(event)}
            onChange={() => {
              const next = new Set(chosen);
              if (!next.delete(event)) next.add(event);
              onChange(next);
            }}
          />
          {event}
        </label>
      ))}
    </fieldset>
  );
}
