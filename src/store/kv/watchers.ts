// Listeners for the changes that this process makes, for backends that cannot watch by themselves.
import type { KvChange, KvOperation } from './kv.ts';

interface Watcher {
  readonly prefix: string;
  readonly listener: (change: KvChange | undefined) => void;
}

export class Watchers {
  readonly #all = new Set<Watcher>();

  add(prefix: string, listener: Watcher['listener'], signal: AbortSignal): void {
    if (signal.aborted) return;
    const watcher = { prefix, listener };
    this.#all.add(watcher);
    signal.addEventListener('abort', () => this.#all.delete(watcher), { once: true });
  }

  announce(operations: readonly KvOperation[]): void {
    if (this.#all.size === 0) return;
    for (const { key, value } of operations) {
      for (const { prefix, listener } of this.#all) {
        if (key.startsWith(prefix)) listener({ key, removed: value === undefined });
      }
    }
  }
}
