// Tokens. Servers of version 0.1.0 keep them as settings; one of them may run beside this server or after
// it, and a server that finds no token lets everybody in. So for one version the settings stay, are
// written too, and decide: what either server creates or revokes is created or revoked for both. The
// records under tokens/ follow. The version that reads them alone has to call `takeOverTokens` once
// more, delete the settings, and raise the format so that no older server opens what it leaves.
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Setting } from '../../model/api/administration/settings.ts';
import { Token } from '../../model/documents/token.ts';
import { KvCollection } from './collection.ts';
import type { Extra } from './records.ts';
import { readDocument, type Damage, type DamagedRecord } from './damage.ts';
import { partName } from './keys.ts';
import { kinds, recordKey, type Kinds, type ValuesOf } from './kinds.ts';
import type { Kv, KvEntry, KvOperation } from '../kv/kv.ts';
import { retryOnConflict } from '../retry.ts';
import type { Expected, ListRequest, Page, Revision, Versioned } from '../store.ts';

/** Settings under this prefix are the server's own. No operator's key can begin so, and they come last
 *  in a list of settings, which ends before them. */
export const privatePrefix = '~auth.';
const tokenPrefix = `${privatePrefix}token.`;
/** The sessions of people who signed in. */
export const sessionPrefix = `${privatePrefix}session.`;
/** No token can have this name. A server of version 0.1.0 reads it as a token that nobody has, so that it never takes a
 *  store whose last token was revoked for one that never had any. */
const closedName = '~closed';
export const closedTokenKey = tokenPrefix + closedName;
/** The server's own setting that says since when the store is closed. */
export const closedKey = `${privatePrefix}closed`;

export class KvTokens extends KvCollection<Token, ValuesOf<Kinds['tokens']>> {
  readonly #settings: KvCollection<Setting, ValuesOf<Kinds['settings']>>;

  constructor(kv: Kv, damage: Damage) {
    super(kv, kinds.tokens, damage);
    this.#settings = new KvCollection(kv, kinds.settings, damage);
  }

  override async get(name: string): Promise<Versioned<Token> | undefined> {
    const found = await this.#settings.get(tokenPrefix + name);
    return found && { value: readToken(found.value), revision: found.revision };
  }

  override put(token: Token, expected?: Expected): Promise<Revision> {
    const extra = async (): Promise<Extra> => ({
      expectations: [],
      operations: [recordOf(token.name, token)],
    });
    return this.#settings.write(settingOf(token), expected, { extra });
  }

  override delete(name: string, expected?: Expected): Promise<boolean> {
    return this.#settings.remove(tokenPrefix + name, expected, {
      expectations: [],
      operations: [recordOf(name, undefined)],
    });
  }

  override async list({ prefix = '', ...page }: ListRequest = {}): Promise<Page<Token>> {
    const found = await this.#settings.list({ prefix: tokenPrefix + prefix, ...page });
    const items: Versioned<Token>[] = [];
    const damaged: DamagedRecord[] = [...found.damaged];
    for (const { value, revision } of found.items) {
      if (value.key === closedTokenKey) continue;
      try {
        items.push({ value: readToken(value), revision });
      } catch (err) {
        damaged.push(this.damage.note(recordKey(kinds.settings, value.key), err));
      }
    }
    return { items, damaged, nextCursor: found.nextCursor };
  }
}

/** Brings the records under tokens/ after the settings. Where the store is full they stay behind:
 *  nothing depends on them yet. Errors: `store.unavailable`, `store.damaged`. */
export async function takeOverTokens(kv: Kv): Promise<void> {
  const names = new Set<string>();
  for (const prefix of [settingKey(''), recordKey(kinds.tokens, '')]) {
    for await (const piece of kv.scan(prefix)) {
      for (const { key } of piece) names.add(partName(key.slice(prefix.length)) ?? '');
    }
  }
  try {
    names.delete(closedName);
    for (const name of names) await retryOnConflict(() => takeOver(kv, name));
  } catch (err) {
    if (!isAppError(err, 'store.full')) throw err;
  }
}

async function takeOver(kv: Kv, name: string): Promise<void> {
  const record = recordKey(kinds.tokens, name);
  const [[from] = [], [to] = []] = await kv.read([{ key: settingKey(name) }, { key: record }]);
  const token = from && tokenOf(from);
  const operation = recordOf(name, token);
  if (operation.value === to?.value) return;
  const expectations = [
    { key: record, revision: to?.revision ?? 0 },
    { key: settingKey(name), revision: from?.revision ?? 0 },
  ];
  await kv.commit(expectations, [operation]);
}

/** undefined for a setting that cannot be read, with which its record ends. */
function tokenOf(entry: KvEntry): Token | undefined {
  try {
    return tokenIn(readDocument(kinds.settings, entry));
  } catch (err) {
    if (isAppError(err, 'store.damaged')) return undefined;
    throw err;
  }
}

function settingKey(name: string): string {
  return recordKey(kinds.settings, tokenPrefix + name);
}

function recordOf(name: string, token: Token | undefined): KvOperation {
  const value = token === undefined ? undefined : JSON.stringify(token);
  return { key: recordKey(kinds.tokens, name), value };
}

/** The scopes that version 0.1.0 knows. There they hold for every machine. */
const oldScopes: ReadonlySet<string> = new Set(['read', 'full', 'enrol']);
/** The SHA-256 of no token. */
const noToken = '0'.repeat(64);

/** The setting that keeps version 0.1.0 closed from now on, with or without tokens. */
export function closedSetting(now: Date): Setting {
  const created_at = now.toISOString();
  const said = { name: closedName, scope: 'read', sha256: noToken, created_at, expires_at: null };
  return { key: closedTokenKey, value: JSON.stringify(said) };
}

/** The operation, on a key that is free, by which a store whose record is put aside stays closed to everybody without a
 *  token: it may be the only sign that there was one. None where there is another sign. Errors: those of the store. */
export async function stayingClosed(kv: Kv, record: string, now: Date): Promise<KvOperation[]> {
  const closed = recordKey(kinds.settings, closedKey);
  if (record !== closed && !record.startsWith(settingKey(''))) return [];
  const setting =
    record === settingKey(closedName)
      ? { key: closedKey, value: now.toISOString() }
      : closedSetting(now);
  const key = recordKey(kinds.settings, setting.key);
  const [found = []] = await kv.read([{ key }]);
  return found.length === 0 ? [{ key, value: JSON.stringify(setting) }] : [];
}

/** A setting that version 0.1.0 reads as this token or, if it cannot say what the token allows, as one
 *  that nobody has. In this case the token itself is beside what that version reads. */
function settingOf(token: Token): Setting {
  const { name, created_at, expires_at } = token;
  const isSayable = token.tags === undefined && oldScopes.has(token.scope);
  const said = isSayable
    ? token
    : { name, scope: 'read', sha256: noToken, created_at, expires_at, token };
  return { key: tokenPrefix + name, value: JSON.stringify(said) };
}

const StandIn = Type.Object({
  token: Type.Object(Token.properties, { additionalProperties: false }),
});

/** The token of a setting. One that says more than this version knows is one that nobody has, as for
 *  version 0.1.0. Errors: AppError `store.damaged`. */
function readToken(setting: Setting): Token {
  const token = tokenIn(setting);
  if (token !== undefined) return token;
  const name = setting.key.slice(tokenPrefix.length);
  throw new AppError(
    'store.damaged',
    `the token ${name} cannot be read: revoke it (dragonfly-server token revoke ${name})`,
  );
}

function tokenIn({ value }: Setting): Token | undefined {
  const said = parse(value);
  if (Value.Check(StandIn, said)) return said.token;
  return Value.Check(Token, said) ? said : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
