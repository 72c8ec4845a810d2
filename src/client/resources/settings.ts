// Settings: text by key.
import type { Setting } from '../../model/api/administration/settings.ts';
import { pathOf, type CallOptions, type Calls, type ChangeOptions, type Tagged } from '../calls.ts';
import { listing, type Listing, type ListOptions } from '../listing.ts';

/** That of every answer about one setting. */
const shape = { parts: [], fields: ['key', 'value'] };

export class SettingCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** The settings whose key begins with `prefix`. */
  list(filter: { readonly prefix?: string } & ListOptions = {}): Listing<Setting> {
    const { prefix, ...options } = filter;
    return listing(this.#calls, 'api/settings', { field: 'settings' }, { prefix }, options);
  }

  /** Errors: `setting.unknown`. */
  async get(key: string, options?: CallOptions): Promise<Tagged<Setting>> {
    return this.#calls.call('GET', pathOf`api/settings/${key}`, { ...options, ...shape });
  }

  /** `secret`: shown to full tokens alone; by default as it was, or by its key.
   *  Errors: `request.invalid`, `request.stale`. */
  async put(
    key: string,
    value: string,
    { secret, ...options }: ChangeOptions & { readonly secret?: boolean } = {},
  ): Promise<Tagged<Setting>> {
    const body = { value, ...(secret === undefined ? {} : { secret }) };
    return this.#calls.call('PUT', pathOf`api/settings/${key}`, { ...options, ...shape, body });
  }

  /** Errors: `setting.unknown`, `request.stale`. */
  async delete(key: string, options?: ChangeOptions): Promise<void> {
    return this.#calls.delete(pathOf`api/settings/${key}`, options);
  }
}
