// The dialog that creates a token: its name, scope, tags and end.
import { useState } from 'preact/hooks';
import type {
  NewTokenRequest,
  TokenCreated,
  TokenScope,
} from '../../model/api/administration/tokens.ts';
import { useServices } from '../context.ts';
import { tagsOf } from '../../model/text/tags-text.ts';
import { FormDialog, NameField } from '../parts/dialogs/form-dialog.tsx';
import { scopeTexts } from './scopes.ts';

interface Props {
  /** True if it closes a server that is open to its own host: its scope is full. */
  readonly isFirst: boolean;
  readonly onClose: () => void;
  readonly onCreated: (token: TokenCreated) => void;
}

const days = { never: undefined, '30 days': 30, '90 days': 90, '1 year': 365 } as const;
type Span = keyof typeof days;
const isSpan = (text: string): text is Span => Object.hasOwn(days, text);
const isScope = (text: string): text is TokenScope => Object.hasOwn(scopeTexts, text);

export function NewToken({ isFirst, onClose, onCreated }: Props) {
  const { session } = useServices();
  const [name, setName] = useState('');
  const [scope, setScope] = useState<TokenScope>(isFirst ? 'full' : 'read');
  const [tags, setTags] = useState('');
  const [span, setSpan] = useState<Span>('never');
  const takesTags = scope !== 'enrol' && !isFirst;
  const submit = async (): Promise<[string]> => {
    const nowMs = Date.now() - session.clockAheadMs;
    onCreated(
      await session.createToken(
        requestOf({ name, scope, tags: takesTags ? tags : '', span }, nowMs),
      ),
    );
    return [''];
  };
  return (
    <FormDialog
      title="Create a token"
      action="Create"
      disabled={name.trim() === ''}
      submit={submit}
      onClose={onClose}
      onDone={() => {}}
    >
      <NameField example="who or what uses it" value={name} onInput={setName} />
      <ScopeField scope={scope} disabled={isFirst} onChange={setScope} />
      {takesTags && (
        <label>
          Only for machines tagged
          <input
            name="tags"
            autoComplete="off"
            placeholder="any machine"
            value={tags}
            onInput={({ currentTarget: { value } }) => setTags(value)}
          />
        </label>
      )}
      <ExpiryField span={span} onChange={setSpan} />
      {isFirst && (
        <p class="quiet">
          It is the first: from now on everybody needs a token, agents as well. This page goes on
          with it.
        </p>
      )}
    </FormDialog>
  );
}

interface ScopeProps {
  readonly scope: TokenScope;
  readonly disabled: boolean;
  readonly onChange: (scope: TokenScope) => void;
}

function ScopeField({ scope, disabled, onChange }: ScopeProps) {
  return (
    <label>
      Scope
      <select
        name="scope"
        value={scope}
        disabled={disabled}
        onChange={({ currentTarget: { value } }) => {
          if (isScope(value)) onChange(value);
        }}
      >
        {Object.entries(scopeTexts).map(([one, text]) => (
          <option key={one} value={one}>
            {one}: {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function ExpiryField({ span, onChange }: { span: Span; onChange: (span: Span) => void }) {
  return (
    <label>
      Expires
      <select
        name="expires"
        value={span}
        onChange={({ currentTarget: { value } }) => {
          if (isSpan(value)) onChange(value);
        }}
      >
        {Object.keys(days).map((one) => (
          <option key={one} value={one}>
            {one === 'never' ? one : `in ${one}`}
          </option>
        ))}
      </select>
    </label>
  );
}

interface Fields {
  readonly name: string;
  readonly scope: TokenScope;
  readonly tags: string;
  readonly span: Span;
}

function requestOf({ name, scope, tags, span }: Fields, nowMs: number): NewTokenRequest {
  const named = tagsOf(tags);
  const lasting = days[span];
  return {
    name: name.trim(),
    scope,
    ...(named.length === 0 ? {} : { tags: named }),
    ...(lasting === undefined
      ? {}
      : { expires_at: new Date(nowMs + lasting * 86_400_000).toISOString() }),
  };
}
