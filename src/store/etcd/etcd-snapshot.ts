// A snapshot of etcd that is read in several requests, all of one history: where etcd is restored from a backup meanwhile,
// what comes next is of another one, although its revision may be the same by then.
import { EtcdRefusal } from './etcd-failures.ts';
import { isAnother, stateOf, type EtcdState, type TxnResponse } from './etcd-messages.ts';

export class EtcdSnapshot {
  #revision: string | undefined;
  #last: EtcdState | undefined;

  /** The revision to read at; undefined: the newest one. */
  get revision(): string | undefined {
    return this.#revision;
  }

  /** Notes the header of an answer. Errors: EtcdRefusal where it is of another history. */
  follow(header: TxnResponse['header']): void {
    const state = stateOf(header);
    const last = this.#last ?? state;
    if (isAnother(state, last) || state.revision < last.revision) throw EtcdRefusal.wentBack();
    this.#last = state;
    this.#revision ??= header.revision;
  }

  /** The next read is at the newest revision: etcd does not have this one any more. */
  leave(): void {
    this.#revision = undefined;
  }
}
