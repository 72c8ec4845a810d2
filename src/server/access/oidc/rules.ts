// Turns what an OpenID provider says of a person into what that person may do here. Pure.
import { cut } from '../../../core/text/unicode.ts';

/** The people of a group may do this. */
export interface Rule {
  /** "*": everybody who signs in. */
  readonly group: string;
  readonly scope: 'read' | 'operate' | 'full';
  /** They may do it with machines that have one of these tags alone. */
  readonly tags?: readonly string[];
}

/** The claims of a token whose signature was checked. */
export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

/** Somebody whom the provider vouches for. */
export interface Person {
  /** For logs, the audit log and histories: "alice@example.com (oidc 24400320)". No token can have such a name. */
  readonly name: string;
  /** Those of the rules that the person is in. */
  readonly groups: readonly string[];
}

/** A group may have any character in it but ";", as in "CN=ops,DC=example". */
const form = /^(.+?)\s*=\s*(read|operate|full)(?::(.*))?$/s;

/** Reads "admins=full; night-shift=operate; rack team=operate:rack-1,rack-2; *=read", or the same in lines. Throws a
 *  sentence that says what a rule must be. */
export function parseRules(text: string): readonly Rule[] {
  const rules = text.split(/[;\n]/).map((rule) => rule.trim());
  return rules.filter((rule) => rule !== '').map(parseRule);
}

function parseRule(text: string): Rule {
  const [, group = '', scope = '', tagList] = form.exec(text) ?? [];
  if (scope !== 'read' && scope !== 'operate' && scope !== 'full') {
    throw new Error(
      `"${text}" must be GROUP=read, GROUP=operate or GROUP=full, perhaps with :TAG,TAG`,
    );
  }
  if (tagList === undefined) return { group, scope };
  const tags = tagList
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  if (tags.length === 0) throw new Error(`"${text}" must name a tag after the colon`);
  return { group, scope, tags };
}

/** The first rule that fits somebody in these groups. */
export function ruleFor(groups: readonly string[], rules: readonly Rule[]): Rule | undefined {
  return rules.find(({ group }) => group === '*' || groups.includes(group));
}

/** Errors: none; a claim that is missing or of another form names no group. */
export function personOf(claims: Claims, claim: string, rules: readonly Rule[]): Person {
  const groups = groupsOf(claims, claim);
  const named = new Set(rules.map(({ group }) => group));
  named.delete('*');
  return { name: nameOf(claims), groups: groups.filter((group) => named.has(group)) };
}

/** The claim with this name or, with dots, at this path: "realm_access.roles". */
export function claimAt(claims: Claims, claim: string): unknown {
  if (Object.hasOwn(claims, claim)) return claims[claim];
  let at: unknown = claims;
  for (const name of claim.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = Object(at)[name];
  }
  return at;
}

function groupsOf(claims: Claims, claim: string): readonly string[] {
  const value = claimAt(claims, claim);
  // The one claim that is a list in a text (RFC 8693, section 4.2).
  if (claim === 'scope' && typeof value === 'string') return value.split(' ');
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one === 'string');
}

const longestLabel = 100;

function nameOf(claims: Claims): string {
  const id = `oidc ${spelt(claims.sub)}`;
  const email = claims['email_verified'] === false ? undefined : claims['email'];
  const label = [email, claims['preferred_username'], claims['name']].find(
    (text) => typeof text === 'string' && plain(text) !== '',
  );
  return typeof label === 'string' ? `${cut(plain(label), longestLabel)} (${id})` : id;
}

/** No two subjects have one spelling, and none looks like another. */
function spelt(subject: string): string {
  return subject.replaceAll(/[\p{C}\p{Zl}\p{Zp}()%]/gu, (sign) =>
    bytesOf(sign)
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

/** In UTF-8, and half of a surrogate pair, which that does not have, as if it had: each is another one. */
function bytesOf(sign: string): number[] {
  if (sign.isWellFormed()) return [...Buffer.from(sign)];
  const code = sign.charCodeAt(0);
  return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
}

/** Without what would let one name look like another. */
function plain(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}()]/gu, '').trim();
}
