// Events for watchers: a bounded buffer and its subscribers. Events are hints to read again, not a log; a
// watcher that missed some is told so by one `reset`.

import type { EventType, ServerEvent } from '../../model/api/events.ts';

export class Events {
  readonly #run: string;
  readonly #capacity: number;
  readonly #listeners: ((event: ServerEvent) => void)[] = [];
  readonly #subscribers = new Set<(event: ServerEvent) => void>();
  #buffer: ServerEvent[] = [];
  #count = 0;

  /** `run` identifies this run of the server, so that ids of earlier runs are recognised. */
  constructor(run: string, capacity = 4096) {
    this.#run = run;
    this.#capacity = capacity;
  }

  publish(type: EventType, data: Readonly<Record<string, unknown>>): void {
    this.#count += 1;
    const event: ServerEvent = { id: `${this.#run}-${this.#count}`, type, data };
    this.#buffer.push(event);
    // Trimmed by half, because removing the first event each time would move all the others.
    if (this.#buffer.length > 2 * this.#capacity) {
      this.#buffer = this.#buffer.slice(-this.#capacity);
    }
    for (const listener of this.#listeners) listener(event);
    for (const subscriber of this.#subscribers) subscriber(event);
  }

  /** The id of the newest event. */
  get lastId(): string {
    return `${this.#run}-${this.#count}`;
  }

  /** Returns the events after `lastId`; undefined if the buffer does not have them (any more). */
  since(lastId: string): readonly ServerEvent[] | undefined {
    const [run, text] = split(lastId);
    const count = Number(text);
    const missed = this.#count - count;
    if (run !== this.#run || !Number.isInteger(count) || missed < 0) return undefined;
    if (missed === 0) return [];
    return missed > this.#buffer.length ? undefined : this.#buffer.slice(-missed);
  }

  /** Calls `subscriber` for each event from now on, until the returned function is called. */
  subscribe(subscriber: (event: ServerEvent) => void): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** Calls `listener` for each event from now on: a part of the server, which is no open stream. */
  listen(listener: (event: ServerEvent) => void): void {
    this.#listeners.push(listener);
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }
}

function split(id: string): [string, string] {
  const dash = id.lastIndexOf('-');
  return [id.slice(0, dash), id.slice(dash + 1)];
}
