// The dialog that creates a token: its name, scope, tags and end.
import { useState } from 'preact/hooks';
import type { NewTokenRequest, TokenCreated, TokenScope } from '../../model/api/tokens.ts';
import { useServices } from '../context.ts';
import { tagsOf } from '../list/tags-text.ts';
import { FormDialog } from '../parts/form-dialog.tsx';
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
      <label>
        Name
        <input
          name="name"
          autoFocus
          autoComplete="off"
          spellcheck={false}
          required
          placeholder="who or what uses it"
          value={name}
          onInput={({ currentTarget: { value } }) => setName(value)}
        />
      </label>
      <label>
        Scope
        <select
          name="scope"
          value={scope}
          disabled={isFirst}
          onChange={({ currentTarget: { value } }) => {
            if (isScope(value)) setScope(value);
          }}
        >
          {Object.entries(scopeTexts).map(([one, text]) => (
            <option key={one} value={one}>
              {one}: {text}
            </option>
          ))}
        </select>
      </label>
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
      <label>
        Expires
        <select
          name="expires"
          value={span}
          onChange={({ currentTarget: { value } }) => {
            if (isSpan(value)) setSpan(value);
          }}
        >
          {Object.keys(days).map((one) => (
            <option key={one} value={one}>
              {one === 'never' ? one : `in ${one}`}
            </option>
          ))}
        </select>
      </label>
      {isFirst && (
        <p class="quiet">
          It is the first: from now on everybody needs a token, agents as well. This page goes on
          with it.
        </p>
      )}
    </FormDialog>
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
