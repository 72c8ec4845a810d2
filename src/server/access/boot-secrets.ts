// The secrets that boot scripts hand out: each is for one boot of one machine. A script writes nothing, since
// anybody may ask for one; every server of the store can tell a secret by the key that they share there, and
// its first use is noted there.
import * as crypto from 'node:crypto';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import { normalizeMac } from '../../identity/macs.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import { sharedKey } from './shared-key.ts';
import { privatePrefix } from '../../store/collections/tokens.ts';
import type { Store } from '../../store/store.ts';

/** A secret lapses unless it is used within this time. */
const unusedLastsSeconds = 15 * 60;
/** The difference between the clocks of servers that is taken for none. */
const clockSlackSeconds = 60;
/** A boot that lasts longer and lost its machine's token fetches another secret. */
const usedLastsMs = 30 * 24 * 3_600_000;

const usePrefix = `${privatePrefix}boot.use.`;
const format = /^dfb_([0-9a-f]{12})_([0-9a-z]{6,8})_([0-9a-f]{16})_([0-9a-f]{32})$/;

/** A secret that came with a request. */
export interface BootSecret {
  /** The MAC of the port that was booted from. */
  readonly mac: string;
  readonly id: string;
}

interface Use {
  readonly bootId: string | null;
  readonly at: string;
}

export class BootSecrets {
  readonly #store: Store;
  readonly #clock: Clock;
  #key: Promise<Buffer> | undefined;
  /** The keys of uses that could not be read an hour ago. */
  #unreadable: ReadonlySet<string> = new Set();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** A secret for the next boot of the machine with this MAC. One given before stays good. Errors: those of
   *  the store. */
  async issue(mac: string): Promise<string> {
    const digits = mac.replaceAll(':', '');
    const issued = Math.floor(this.#clock.now().getTime() / 1000).toString(36);
    const text = `dfb_${digits}_${issued}_${crypto.randomBytes(8).toString('hex')}`;
    return `${text}_${await this.#sign(text)}`;
  }

  /** The secret, if a server of this store gave it and it is used or has not lapsed. Errors: those of the
   *  store. */
  async verify(text: string): Promise<BootSecret | undefined> {
    const [, digits = '', issued = '', id = '', signature = ''] = format.exec(text) ?? [];
    const signed = text.slice(0, -33);
    if (id === '' || !areEqual(signature, await this.#sign(signed))) return undefined;
    const mac = normalizeMac(digits);
    if (mac === undefined) return undefined;
    const ageSeconds = this.#clock.now().getTime() / 1000 - Number.parseInt(issued, 36);
    const isFresh = ageSeconds < unusedLastsSeconds && ageSeconds > -clockSlackSeconds;
    if (!isFresh && (await this.#useOf(id)) === undefined) return undefined;
    return { mac, id };
  }

  /** Takes a secret for the boot that checks in: its first use binds it to that boot. Errors: AppError
   *  `auth.denied` for another boot or another machine; `store.*`. */
  async use({ mac, id }: BootSecret, request: CheckinRequest): Promise<void> {
    if (!macsOf(request).includes(mac)) {
      throw new AppError(
        'auth.denied',
        `the boot script of ${mac} gave this secret, and the check-in shows no such port: boot the machine from its own script`,
      );
    }
    const bootId = request.boot_id ?? null;
    const use = (await this.#useOf(id)) ?? (await this.#bind(id, bootId));
    if (use !== 'unreadable' && use.bootId === bootId) return;
    throw new AppError(
      'auth.denied',
      'the secret of this boot script was used by another boot: each boot fetches its own',
    );
  }

  /** Forgets uses that no boot needs any more. One that cannot be read goes the next time, when its secret has lapsed.
   *  Errors: those of the store. */
  async forgetOld(now: Date): Promise<void> {
    const before = new Date(now.getTime() - usedLastsMs).toISOString();
    const unreadable = new Set<string>();
    for await (const { value } of this.#store.settings.all(usePrefix)) {
      const use = parseUse(value.value);
      if (use === 'unreadable') unreadable.add(value.key);
      const isOld = use === 'unreadable' ? this.#unreadable.has(value.key) : use.at < before;
      if (isOld) await this.#store.settings.delete(value.key);
    }
    this.#unreadable = unreadable;
  }

  /** Whichever server writes first decides. */
  async #bind(id: string, bootId: string | null): Promise<Use | 'unreadable'> {
    const use: Use = { bootId, at: this.#clock.now().toISOString() };
    try {
      const setting = { key: usePrefix + id, value: JSON.stringify(use) };
      await this.#store.settings.put(setting, 'absent');
      return use;
    } catch (err) {
      if (!isAppError(err, 'store.conflict')) throw err;
      return (await this.#useOf(id)) ?? use;
    }
  }

  async #useOf(id: string): Promise<Use | 'unreadable' | undefined> {
    const found = await this.#store.settings.get(usePrefix + id);
    return found && parseUse(found.value.value);
  }

  async #sign(text: string): Promise<string> {
    this.#key ??= sharedKey(this.#store, 'boot.key').then((key) => Buffer.from(key, 'base64'));
    try {
      const hash = crypto
        .createHmac('sha256', await this.#key)
        .update(text)
        .digest('hex');
      return hash.slice(0, 32);
    } catch (err) {
      this.#key = undefined;
      throw err;
    }
  }
}

/** True for the text of a boot script's secret, good or not. */
export function isBootSecret(text: string): boolean {
  return text.startsWith('dfb_');
}

function macsOf({ mac, all_macs = [], interfaces = [] }: CheckinRequest): string[] {
  const ports = interfaces.flatMap((port) => [port.mac, port.current_mac ?? '']);
  return [mac, ...all_macs, ...ports].flatMap((text) => normalizeMac(text) ?? []);
}

/** A use that cannot be read is that of no boot. */
function parseUse(text: string): Use | 'unreadable' {
  try {
    const { bootId = null, at } = Object(JSON.parse(text));
    const isUse = typeof at === 'string' && (bootId === null || typeof bootId === 'string');
    return isUse ? { bootId, at } : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

function areEqual(a: string, b: string): boolean {
  return a.length === b.length && crypto.timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
