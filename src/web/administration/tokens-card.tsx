// Tokens: who may do what, until when, and when each was last used; making and revoking one.
import { useCallback, useState } from 'preact/hooks';
import type { TokenCreated, TokenList } from '../../model/api/administration/tokens.ts';
import { readTokens, revokeToken } from './requests.ts';
import { useMay, useServices } from '../context.ts';
import { Table } from '../machine/facts.tsx';
import { DangerDialog } from '../parts/dialogs/danger-dialog.tsx';
import { formatTime } from '../parts/format.ts';
import { Card, Notice } from '../parts/parts.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { SecretDialog } from '../parts/dialogs/secret-dialog.tsx';
import { NewToken } from './new-token.tsx';

type Token = TokenList['tokens'][number];

/** The dialog that is open. */
type Open =
  | { readonly dialog: 'create' }
  /** After the first one the page starts over: its operator is somebody else now. */
  | { readonly dialog: 'created'; readonly token: TokenCreated; readonly isFirst: boolean }
  | { readonly dialog: 'revoke'; readonly token: Token };

export function TokensCard() {
  const { session } = useServices();
  const read = useCallback(() => readTokens(session), [session]);
  const { value, problem, reload } = useLoaded(read);
  const [open, setOpen] = useState<Open | undefined>();
  const { myself } = useMay();
  const tokens = value?.tokens ?? [];
  // People who sign in with a provider find it closed, although it has none.
  const isFirst = tokens.length === 0 && (myself === undefined || myself.open === true);
  return (
    <Card
      title="Tokens"
      aside={
        <button
          type="button"
          disabled={value === undefined}
          onClick={() => setOpen({ dialog: 'create' })}
        >
          Create token…
        </button>
      }
    >
      {problem !== undefined && <Notice kind="error" title={problem} />}
      {value !== undefined && tokens.length === 0 && (
        <p class="quiet">
          {isFirst
            ? 'None yet: anybody on this host may do everything. The first token, of scope full, locks out everybody without one.'
            : 'None.'}
        </p>
      )}
      {tokens.length > 0 && (
        <TokenTable tokens={tokens} onRevoke={(token) => setOpen({ dialog: 'revoke', token })} />
      )}
      {value?.damaged?.map(({ record, error }) => (
        <p key={record} class="problem">
          {record}: {error}
        </p>
      ))}
      {open !== undefined && (
        <OpenDialog
          open={open}
          tokens={tokens}
          isFirst={isFirst}
          onOpen={setOpen}
          reload={() => void reload()}
        />
      )}
    </Card>
  );
}

interface OpenProps {
  readonly open: Open;
  readonly tokens: readonly Token[];
  readonly isFirst: boolean;
  readonly onOpen: (open: Open | undefined) => void;
  readonly reload: () => void;
}

function OpenDialog({ open, tokens, isFirst, onOpen, reload }: OpenProps) {
  const close = (): void => onOpen(undefined);
  switch (open.dialog) {
    case 'create':
      return (
        <NewToken
          isFirst={isFirst}
          onClose={close}
          onCreated={(token) => {
            onOpen({ dialog: 'created', token, isFirst });
            reload();
          }}
        />
      );
    case 'created':
      return (
        <SecretDialog
          title={`Token ${open.token.name}`}
          label="The token"
          says="Keep it where only its user reads it:"
          secret={open.token.token}
          onClose={open.isFirst ? () => location.reload() : close}
        />
      );
    case 'revoke':
      return (
        <Revoke
          token={open.token}
          isLast={!tokens.some((other) => other !== open.token && isFull(other))}
          onClose={close}
          onRevoked={() => {
            close();
            reload();
          }}
        />
      );
  }
}

/** True if its owner may create others. */
const isFull = ({ scope, tags }: Token): boolean => scope === 'full' && tags === undefined;

interface TableProps {
  readonly tokens: readonly Token[];
  readonly onRevoke: (token: Token) => void;
}

function TokenTable({ tokens, onRevoke }: TableProps) {
  const { session } = useServices();
  const { myself } = useMay();
  const nowMs = Date.now() - session.clockAheadMs;
  return (
    <Table
      label="Tokens, with their scope and use"
      head={['Name', 'Scope', 'Tags', 'Made', 'Until', 'Last used', 'Revoke']}
      rows={tokens.map((token) => [
        <>
          <b>{token.name}</b>
          {token.name === myself?.name && <span class="quiet"> (this one)</span>}
        </>,
        token.scope,
        token.tags?.join(', '),
        formatTime(token.created_at),
        token.expires_at === null ? null : <Until end={token.expires_at} nowMs={nowMs} />,
        token.last_used === null ? null : formatTime(token.last_used),
        <button type="button" aria-label={`Revoke ${token.name}`} onClick={() => onRevoke(token)}>
          Revoke…
        </button>,
      ])}
    />
  );
}

function Until({ end, nowMs }: { end: string; nowMs: number }) {
  return Date.parse(end) <= nowMs ? (
    <span class="problem">expired {formatTime(end)}</span>
  ) : (
    <>{formatTime(end)}</>
  );
}

interface RevokeProps {
  readonly token: Token;
  /** True if no other token may create tokens. */
  readonly isLast: boolean;
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

function Revoke({ token, isLast, onClose, onRevoked }: RevokeProps) {
  const { session } = useServices();
  const { myself } = useMay();
  const revoke = async (): Promise<void> => {
    await revokeToken(session, token.name);
    onRevoked();
  };
  return (
    <DangerDialog title={`Revoke ${token.name}?`} action="Revoke" work={revoke} onClose={onClose}>
      <p>Whoever uses it is refused from now on. This cannot be undone.</p>
      {token.name === myself?.name && <p class="problem">It is your own: you are signed out.</p>}
      {isFull(token) && isLast && (
        <p class="problem">
          No other token may create tokens: the next one has to be made on the server, with{' '}
          <code>dragonfly-server token create NAME --scope full</code>.
        </p>
      )}
    </DangerDialog>
  );
}
