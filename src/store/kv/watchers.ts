// Listeners for the changes that this process makes, for backends that cannot watch by themselves.
import type { KvChange, KvOperation } from './kv.ts';

interface Watcher {
  readonly prefix: string;
  readonly listener: (change: KvChange | undefined) => void;
  readonly signal: AbortSignal;
}

export class Watchers {
  // A list: going through a set makes two objects for each of its values.
  #all: readonly Watcher[] = [];

  add(prefix: string, listener: Watcher['listener'], signal: AbortSignal): void {
    if (signal.aborted) return;
    const watcher = { prefix, listener, signal };
    this.#all = [...this.#all, watcher];
    const remove = (): void => {
      this.#all = this.#all.filter((one) => one !== watcher);
    };
    signal.addEventListener('abort', remove, { once: true });
  }

  announce(operations: readonly KvOperation[]): void {
    if (this.#all.length === 0) return;
    for (const { key, value } of operations) {
      for (const { prefix, listener, signal } of this.#all) {
        if (key.startsWith(prefix) && !signal.aborted)
          listener({ key, removed: value === undefined });
      }
    }
  }
}
