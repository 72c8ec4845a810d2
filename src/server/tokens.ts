// Tokens as the store keeps them: named records with the SHA-256 of a random secret. The secret itself
// is shown once, to whoever creates it.
import { createHash, randomBytes } from 'node:crypto';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { AppError, isAppError } from '../core/errors.ts';
import type { Clock } from '../core/clock.ts';
import { TokenScope } from '../model/operator-api.ts';
import type { Store } from '../store/store.ts';

/** Settings under this prefix are the server's own. No operator's key can begin so, and they come last
 *  in a list of settings, which ends before them. */
export const privatePrefix = '~auth.';
const tokenPrefix = `${privatePrefix}token.`;

const TokenRecord = Type.Object({
  name: Type.String(),
  scope: TokenScope,
  sha256: Type.String(),
  created_at: Type.String(),
  expires_at: Type.Union([Type.String(), Type.Null()]),
});
export type TokenRecord = Static<typeof TokenRecord>;

export interface NewToken {
  readonly name: string;
  readonly scope: TokenScope;
  readonly expiresAt: Date | null;
}

/** SHA-256 in hex. Tokens are 256 random bits: no salt or slow hash would add anything. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** A new random token. The prefix tells people, and scanners for leaked secrets, what it is. */
function newTokenText(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`;
}

/** Creates a token and gives its text, which nobody can read again.
 *  Errors: AppError `token.exists`, `store.*`. */
export async function createToken(store: Store, clock: Clock, wanted: NewToken): Promise<string> {
  const text = newTokenText(wanted.scope === 'enrol' ? 'dfe' : 'dfo');
  const record: TokenRecord = {
    name: wanted.name,
    scope: wanted.scope,
    sha256: hashToken(text),
    created_at: clock.now().toISOString(),
    expires_at: wanted.expiresAt?.toISOString() ?? null,
  };
  try {
    await store.putSetting(tokenPrefix + wanted.name, JSON.stringify(record), 'absent');
  } catch (cause) {
    if (!isAppError(cause, 'store.conflict')) throw cause;
    throw new AppError(
      'token.exists',
      `there is a token named ${wanted.name}; revoke it first or choose another name`,
    );
  }
  return text;
}

/** All tokens, expired ones too. */
export async function listTokens(store: Store): Promise<readonly TokenRecord[]> {
  const records: TokenRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listSettings(tokenPrefix, { limit: 1000, cursor });
    for (const { value } of page.items) {
      const record: unknown = JSON.parse(value.value);
      if (Value.Check(TokenRecord, record)) records.push(record);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return records;
}

/** Errors: AppError `token.unknown`. */
export async function revokeToken(store: Store, name: string): Promise<void> {
  if (!(await store.deleteSetting(tokenPrefix + name))) {
    throw new AppError('token.unknown', `there is no token named ${name}`);
  }
}

/** Where the hashes of a machine's own tokens are kept. */
function machineKey(machineId: string): string {
  return `${privatePrefix}machine.${machineId}`;
}

/** Gives a machine a new token. The one before it stays valid: its answer may be the one that arrives,
 *  and whoever had it may turn out to be the machine that is alive. */
export async function issueMachineToken(store: Store, machineId: string): Promise<string> {
  const text = newTokenText(`dfm_${machineId}`);
  const [latest] = await machineTokenHashes(store, machineId);
  const hashes = [hashToken(text), ...(latest === undefined ? [] : [latest])];
  await store.putSetting(machineKey(machineId), hashes.join(' '));
  return text;
}

/** The machine that a token names; it may still be a wrong one. */
export function machineOfToken(token: string): string | undefined {
  return /^dfm_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_/.exec(token)?.[1];
}

/** The hashes of a machine's valid tokens, the newest first. */
export async function machineTokenHashes(
  store: Store,
  machineId: string,
): Promise<readonly string[]> {
  return (await store.getSetting(machineKey(machineId)))?.value.split(' ') ?? [];
}

export async function revokeMachineToken(store: Store, machineId: string): Promise<void> {
  await store.deleteSetting(machineKey(machineId));
}
