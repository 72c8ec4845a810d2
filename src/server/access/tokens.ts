// Tokens as the store keeps them: named records with the SHA-256 of a random secret. The secret itself
// is shown once, to whoever creates it.
import * as crypto from 'node:crypto';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type { MachineChange } from '../../model/history.ts';
import { tokenId, type Machine } from '../../model/machine.ts';
import type { TokenList, TokenScope } from '../../model/api/administration/tokens.ts';
import type { Token } from '../../model/documents/token.ts';
import { tokenChange } from '../rules/history.ts';
import { tagsFrom } from '../rules/tags.ts';
import {
  closedKey,
  closedSetting,
  closedTokenKey,
  privatePrefix,
} from '../../store/collections/tokens.ts';
import type { DamagedRecord, Store } from '../../store/store.ts';

export interface NewToken {
  readonly name: string;
  readonly scope: TokenScope;
  readonly expiresAt: Date | null;
  /** It is good for machines with one of these alone. */
  readonly tags?: readonly string[] | undefined;
}

/** SHA-256 in hex. Tokens are 256 random bits: no salt or slow hash would add anything. */
export function hashToken(token: string): string {
  return crypto.hash('sha256', token);
}

/** Random bytes for tokens to come, drawn for 128 at once: one draw for each took 4 % of the time of a check-in. */
const drawn = Buffer.alloc(128 * 32);
let handedOut = drawn.length;

/** A new random token. The prefix tells people, and scanners for leaked secrets, what it is. */
function newTokenText(prefix: string): string {
  if (handedOut === drawn.length) {
    crypto.randomFillSync(drawn);
    handedOut = 0;
  }
  const bytes = drawn.subarray(handedOut, (handedOut += 32));
  const text = `${prefix}_${bytes.toString('base64url')}`;
  // Nobody finds it here later.
  bytes.fill(0);
  return text;
}

/** Creates a token and gives its text, which nobody can read again.
 *  Errors: AppError `token.exists`, `request.invalid` for a tag that none may have, `store.*`. */
export async function createToken(store: Store, clock: Clock, wanted: NewToken): Promise<string> {
  const text = newTokenText(wanted.scope === 'enrol' ? 'dfe' : 'dfo');
  const token: Token = {
    name: wanted.name,
    scope: wanted.scope,
    sha256: hashToken(text),
    ...(wanted.tags === undefined ? {} : { tags: tagsFrom('tags', wanted.tags) }),
    created_at: clock.now().toISOString(),
    expires_at: wanted.expiresAt?.toISOString() ?? null,
  };
  // First: a store that has a token, or had one, is closed to everybody else.
  await closeForGood(store, clock);
  try {
    await store.tokens.put(token, 'absent');
  } catch (cause) {
    if (!isAppError(cause, 'store.conflict')) throw cause;
    throw new AppError(
      'token.exists',
      `a token named ${wanted.name} exists already; revoke it first or choose another name`,
    );
  }
  return text;
}

/** True once the store has had a token, revoked or not. */
export async function isClosedForGood(store: Store): Promise<boolean> {
  try {
    if ((await store.settings.get(closedKey)) !== undefined) return true;
    // It may have been damaged, and put aside.
    return (await store.settings.get(closedTokenKey)) !== undefined;
  } catch (err) {
    if (isAppError(err, 'store.damaged')) return true;
    throw err;
  }
}

/** From now on nobody gets in without a token, even when the last one is revoked. */
export async function closeForGood(store: Store, clock: Clock): Promise<void> {
  if (await isClosedForGood(store)) return;
  // First: whoever finds the store closed need not look for this.
  await store.settings.put(closedSetting(clock.now()));
  await store.settings.put({ key: closedKey, value: clock.now().toISOString() });
}

/** True if some token lets its owner create others. */
export function hasFullToken(tokens: readonly Token[], now: Date): boolean {
  return tokens.some(
    ({ scope, tags, expires_at }) =>
      scope === 'full' &&
      tags === undefined &&
      (expires_at === null || Date.parse(expires_at) > now.getTime()),
  );
}

/** All tokens, expired ones too. */
export async function listTokens(store: Store): Promise<readonly Token[]> {
  const tokens: Token[] = [];
  for await (const { value } of store.tokens.all()) tokens.push(value);
  return tokens;
}

/** True if there is a token, be it one that cannot be read: nobody gets in for it. */
export async function hasTokens(store: Store): Promise<boolean> {
  const { items, damaged } = await store.tokens.list({ limit: 1 });
  return items.length + damaged.length > 0;
}

/** Tokens that cannot be read. Nobody gets in with one; it can be revoked by its name. */
export async function damagedTokens(store: Store): Promise<readonly DamagedRecord[]> {
  const damaged: DamagedRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.tokens.list({ cursor });
    damaged.push(...page.damaged);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return damaged;
}

/** When each token was last used, kept beside the tokens, which servers of version 0.1.0 read as well. */
const usedPrefix = `${privatePrefix}used.`;

/** All tokens as they are shown: without hashes, and with when they were last used, to the minute. */
export async function shownTokens(store: Store): Promise<TokenList['tokens']> {
  const used = new Map<string, string>();
  for await (const { value } of store.settings.all(usedPrefix)) {
    used.set(value.key.slice(usedPrefix.length), value.value);
  }
  return (await listTokens(store)).map(({ name, scope, tags, created_at, expires_at }) => ({
    name,
    scope,
    ...(tags === undefined ? {} : { tags }),
    created_at,
    expires_at,
    last_used: used.get(name) ?? null,
  }));
}

/** Writes when tokens were last used. Errors: those of the store. */
export async function noteUsed(store: Store, used: ReadonlyMap<string, Date>): Promise<void> {
  for (const [name, at] of used) {
    await store.settings.put({ key: usedPrefix + name, value: at.toISOString() });
  }
}

/** Errors: AppError `token.unknown`. */
export async function revokeToken(store: Store, name: string): Promise<void> {
  // First: whatever becomes of the rest, nobody gets in with it any more.
  const wasThere = await store.tokens.delete(name);
  await store.settings.delete(usedPrefix + name);
  if (!wasThere) throw new AppError('token.unknown', `there is no token named ${name}`);
}

/** The machine with a new token of its own. The token before it stays valid, because its answer may be the
 *  one that arrives; so does that of the machine's holder, and the one it was `heard` with: a machine that is
 *  alive keeps its token, however many are given in its name. `change` is for its history. */
export function grantToken(
  machine: Machine,
  heard: string | undefined,
  now: Date,
): { machine: Machine; token: string; change: readonly MachineChange[] } {
  const token = newTokenText(`dfm_${machine.id}`);
  const kept = (machine.token_sha256 ?? []).filter(
    (hash, i) => i === 0 || [machine.token_holder, heard].includes(tokenId(hash)),
  );
  const granted = { ...machine, token_sha256: [hashToken(token), ...kept] };
  return { machine: granted, token, change: tokenChange(machine, granted, now.toISOString()) };
}

/** The machine with no token but this one and its holder's. */
export function withOnlyToken(machine: Machine, id: string): Machine {
  const hashes = machine.token_sha256 ?? [];
  const kept = hashes.filter((hash) => [id, machine.token_holder].includes(tokenId(hash)));
  return kept.length === hashes.length ? machine : { ...machine, token_sha256: kept };
}

/** The place of the machine's id in a token of its own. */
export const placeOfMachine = [4, 40] as const;

/** The machine that a token names; it may still be a wrong one. */
export function machineOfToken(token: string): string | undefined {
  return /^dfm_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_/.exec(token)?.[1];
}
