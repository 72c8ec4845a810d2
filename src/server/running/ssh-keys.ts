// The settings that name public keys for remote shells, in memory: a decision reads no setting where there is none.
import type { Setting } from '../../model/api/administration/settings.ts';
import type { Machine } from '../../model/machine.ts';
import type { Store } from '../../store/store.ts';
import { sshKeysFor, sshKeysSetting } from '../rules/settings/ssh-keys.ts';
import { Followed } from './followed.ts';

export class SshKeys extends Followed<Setting> {
  readonly #values = new Map<string, string>();

  constructor(settings: Store['settings']) {
    super(
      {
        get: (key) => settings.get(key),
        list: (page) => settings.list({ ...page, prefix: sshKeysSetting }),
      },
      ({ key }) => key,
    );
  }

  /** The keys that may log in to a machine. Errors: those of the store. */
  async of(machine: Machine): Promise<readonly string[]> {
    if (machine.report?.in_image !== true) return [];
    await this.upToDate();
    return this.#values.size === 0 ? [] : sshKeysFor(machine, this.#values);
  }

  /** Passes over other settings: they are neither kept nor read. */
  override changed(key: string | undefined): void {
    if (key === undefined || key.startsWith(sshKeysSetting)) super.changed(key);
  }

  protected get size(): number {
    return this.#values.size;
  }

  protected keep(key: string, setting: Setting | undefined): void {
    if (setting === undefined) this.#values.delete(key);
    else this.#values.set(key, setting.value);
  }

  protected drop(key: string): void {
    this.#values.delete(key);
  }

  protected clear(): void {
    this.#values.clear();
  }
}
