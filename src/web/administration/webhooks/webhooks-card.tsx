// Webhooks: how each of them fares, and the dialogs that make, change and delete one.
import { useCallback, useState } from 'preact/hooks';
import type { WebhookSecret, WebhookView } from '../../../model/api/administration/webhooks.ts';
import { useServices } from '../../context.ts';
import { DangerDialog } from '../../parts/dialogs/danger-dialog.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { Card, Notice } from '../../parts/parts.tsx';
import { SecretDialog } from '../../parts/dialogs/secret-dialog.tsx';
import { deleteWebhook, readWebhooks, rotateSecret } from './requests.ts';
import { WebhookDialog } from './webhook-dialog.tsx';
import { WebhookItem } from './webhook-item.tsx';

/** No event tells what becomes of posts. */
const everyMs = 10_000;

/** The dialog that is open. */
export type Open =
  | { readonly dialog: 'create' }
  | { readonly dialog: 'secret'; readonly made: WebhookSecret }
  | { readonly dialog: 'change' | 'rotate' | 'delete'; readonly webhook: WebhookView };

export function WebhooksCard() {
  const { session } = useServices();
  const read = useCallback(() => readWebhooks(session), [session]);
  const { value, problem, reload } = useLoaded(read, everyMs);
  const [open, setOpen] = useState<Open | undefined>();
  const onChanged = (): void => void reload();
  return (
    <Card
      title="Webhooks"
      aside={
        <button type="button" onClick={() => setOpen({ dialog: 'create' })}>
          Create webhook…
        </button>
      }
    >
      {problem !== undefined && <Notice kind="error" title={problem} />}
      {value?.webhooks.length === 0 && (
        <p class="quiet">None. A webhook receives events as signed posts.</p>
      )}
      {value !== undefined && value.webhooks.length > 0 && (
        <ul class="webhooks">
          {value.webhooks.map((webhook) => (
            <WebhookItem
              key={webhook.name}
              webhook={webhook}
              onOpen={setOpen}
              onChanged={onChanged}
            />
          ))}
        </ul>
      )}
      {value?.damaged?.map(({ record, error }) => (
        <p key={record} class="problem">
          {record}: {error}
        </p>
      ))}
      {open !== undefined && <OpenDialog open={open} onOpen={setOpen} onChanged={onChanged} />}
    </Card>
  );
}

interface OpenProps {
  readonly open: Open;
  readonly onOpen: (open: Open | undefined) => void;
  readonly onChanged: () => void;
}

function OpenDialog({ open, onOpen, onChanged }: OpenProps) {
  const { session } = useServices();
  const close = (): void => onOpen(undefined);
  const made = (secret: WebhookSecret): void => {
    onOpen({ dialog: 'secret', made: secret });
    onChanged();
  };
  switch (open.dialog) {
    case 'create':
      return <WebhookDialog onClose={close} onCreated={made} onChanged={onChanged} />;
    case 'change':
      return (
        <WebhookDialog
          webhook={open.webhook}
          onClose={close}
          onCreated={made}
          onChanged={onChanged}
        />
      );
    case 'secret':
      return (
        <SecretDialog
          title={`Secret of ${open.made.name}`}
          label="The secret"
          says="The receiver verifies the posts with it:"
          secret={open.made.secret}
          onClose={close}
        />
      );
    case 'rotate':
      return (
        <DangerDialog
          title={`Make a new secret for ${open.webhook.name}?`}
          action="Make a new secret"
          work={async () => made(await rotateSecret(session, open.webhook.name))}
          onClose={close}
        >
          <p>For a day posts are signed with the old one as well; then it is gone.</p>
        </DangerDialog>
      );
    case 'delete':
      return (
        <DangerDialog
          title={`Delete the webhook ${open.webhook.name}?`}
          action="Delete"
          work={async () => {
            await deleteWebhook(session, open.webhook.name);
            close();
            onChanged();
          }}
          onClose={close}
        >
          <p>
            Events that wait for it or were given up are deleted as well. This cannot be undone. To
            stop posts for a while, disable it instead.
          </p>
        </DangerDialog>
      );
  }
}
