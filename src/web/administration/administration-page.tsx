// The page of administration: who the operator is, the sessions and tokens, the settings, the webhooks, the data, and the server itself.
import { useEffect } from 'preact/hooks';
import { useMay } from '../context.ts';
import { Facts } from '../machine/facts.tsx';
import { formatTime } from '../parts/format.ts';
import { Card } from '../parts/parts.tsx';
import { DataCard } from './data-card.tsx';
import { ServerCard } from './server-card.tsx';
import { TokensCard } from './tokens-card.tsx';
import { scopeTexts } from './scopes.ts';
import { SessionsCard } from './sessions/sessions-card.tsx';
import { SettingsCard } from './settings/settings-card.tsx';
import { WebhooksCard } from './webhooks/webhooks-card.tsx';

export function AdministrationPage() {
  const may = useMay();
  useEffect(() => {
    document.title = 'Administration · Dragonfly';
  }, []);
  return (
    <div class="workflows">
      <h1>Administration</h1>
      <Myself />
      {may.myself !== undefined && may.myself.open !== true && <SessionsCard />}
      {may.administer && <TokensCard />}
      {may.within === undefined && <SettingsCard />}
      {may.administer && <WebhooksCard />}
      {may.administer && <DataCard />}
      <ServerCard />
    </div>
  );
}

function Myself() {
  const { myself } = useMay();
  if (myself === undefined) return null;
  const { name, scope, tags, open: isOpen, expires_at: end } = myself;
  return (
    <Card title="You">
      <Facts
        facts={[
          [
            'Name',
            isOpen === true ? 'none: this server has no tokens, and answers this host alone' : name,
          ],
          ['May', scopeTexts[scope]],
          ['Machines', tags && `only those tagged ${tags.join(' or ')}`],
          ['Until', end === null ? null : formatTime(end)],
        ]}
      />
    </Card>
  );
}
