// The server itself: its version, whether it is ready, and where to read on.
import { useCallback } from 'preact/hooks';
import { readAbout, readReady } from './requests.ts';
import { useServices } from '../context.ts';
import { Facts } from '../machine/facts.tsx';
import { formatDisk } from '../parts/format.ts';
import { Card } from '../parts/parts.tsx';
import { useLoaded } from '../parts/loaded.ts';

/** The interval between two looks at the server's health. */
const everyMs = 10_000;

const watchTexts = {
  current: 'up to date',
  behind: 'behind other servers: heartbeats are answered from the store',
} as const;

export function ServerCard() {
  const { session } = useServices();
  const about = useLoaded(useCallback(() => readAbout(session), [session]));
  const ready = useLoaded(
    useCallback(() => readReady(session), [session]),
    everyMs,
  );
  const { version, store_bytes: bytes, public_url: url } = about.value ?? {};
  const isReady = ready.value !== undefined && ready.problem === undefined;
  return (
    <Card title="Server">
      <Facts
        facts={[
          ['Version', version],
          ['Health', isReady ? <span class="good">ready</span> : null],
          ['Store', isReady ? watchTexts[ready.value.watch] : null],
          ['Data file', typeof bytes === 'number' ? formatDisk(bytes) : null],
          ['Address', url],
        ]}
      />
      <p class="problem" role="alert">
        {ready.problem ?? about.problem}
      </p>
      <p class="quiet">
        <a href="/docs">The API</a>
      </p>
    </Card>
  );
}
