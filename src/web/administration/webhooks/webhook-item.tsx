// One webhook: its address and events, whether its posts arrive, and what is done with it.
import type { WebhookView } from '../../../model/api/administration/webhooks.ts';
import { useServices } from '../../context.ts';
import { formatTime, plural } from '../../parts/format.ts';
import { useTask } from '../../parts/task.ts';
import { Deliveries } from './deliveries.tsx';
import { patchWebhook, testWebhook } from './requests.ts';
import type { Open } from './webhooks-card.tsx';

interface Props {
  readonly webhook: WebhookView;
  readonly onOpen: (open: Open) => void;
  readonly onChanged: () => void;
}

export function WebhookItem({ webhook, onOpen, onChanged }: Props) {
  const { name, url, events } = webhook;
  return (
    <li class="webhook" aria-label={name}>
      <div class="item-head">
        <b>{name}</b>
        <Health webhook={webhook} />
        <span class="spring" />
        <Controls webhook={webhook} onOpen={onOpen} onChanged={onChanged} />
      </div>
      <p>
        <code>{url}</code> <span class="quiet">gets {events?.join(', ') ?? 'all events'}</span>
      </p>
      <Trouble webhook={webhook} />
      <Deliveries name={name} state="failed" />
      <Deliveries name={name} state="waiting" />
    </li>
  );
}

function Health({ webhook: { enabled, failing } }: Pick<Props, 'webhook'>) {
  if (!enabled) return <span class="pill">disabled</span>;
  return failing === null ? (
    <span class="pill word-success">enabled</span>
  ) : (
    <span class="pill word-failed">failing</span>
  );
}

function Trouble({ webhook: { failing, overflowed_at: since, lost } }: Pick<Props, 'webhook'>) {
  return (
    <>
      {failing !== null && (
        <p class="problem">
          No post has arrived since {formatTime(failing.since)}: {failing.error}
        </p>
      )}
      {since !== null && (
        <p class="problem">
          Too many events wait for it: none have been queued since {formatTime(since)}. Once most
          have arrived it gets one <code>reset</code>.
        </p>
      )}
      {lost !== null && (
        <p class="problem">
          {plural(lost.count, 'event')} could not be kept for it while the store took nothing, the
          last one {formatTime(lost.at)}. It got one <code>reset</code> in their place.
        </p>
      )}
    </>
  );
}

function Controls({ webhook, onOpen, onChanged }: Props) {
  const { session } = useServices();
  const { busy, problem, run } = useTask();
  const { name, enabled } = webhook;
  const act = (work: () => Promise<void>): Promise<void> =>
    run(async () => {
      await work();
      onChanged();
    });
  const button = (text: string, work: () => void) => (
    <button type="button" disabled={busy} aria-label={`${text} ${name}`} onClick={work}>
      {text}
    </button>
  );
  return (
    <>
      {problem !== undefined && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
      {button('Test', () => void act(() => testWebhook(session, name)))}
      {button(
        enabled ? 'Disable' : 'Enable',
        () => void act(() => patchWebhook(session, name, { enabled: !enabled })),
      )}
      {button('Change…', () => onOpen({ dialog: 'change', webhook }))}
      {button('New secret…', () => onOpen({ dialog: 'rotate', webhook }))}
      {button('Delete…', () => onOpen({ dialog: 'delete', webhook }))}
    </>
  );
}
