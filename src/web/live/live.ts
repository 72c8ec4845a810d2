// Keeps the fleet in step with the server: reads all machines page by page and follows the event stream.
// An event only names what changed; the new content is read from the server.
import { EventParser, type ParsedEvent } from '../../model/api/events.ts';
import type { IdentityConflict } from '../../model/history.ts';
import { readConflicts } from '../conflicts/requests.ts';
import { mostMachines, readMachinePage, readMachines } from '../machine/requests.ts';
import type { Fleet } from './fleet.ts';
import { heard, toRow, type Liveness } from '../list/rows/row.ts';
import { ApiError, messageOf, type Session } from '../session.ts';

export interface LiveStatus {
  readonly load: 'loading' | 'ready' | 'failed';
  /** The reason why loading failed. */
  readonly problem?: string | undefined;
  /** polled: this token hears of no changes, so everything is read again every `pollEveryMs`. */
  readonly connection: 'connecting' | 'live' | 'lost' | 'polled';
  /** The open identity conflicts; undefined until they are known. */
  readonly conflicts: readonly IdentityConflict[] | undefined;
}

/** The fields that an event's data may have. */
interface EventData {
  readonly machine_id?: string;
  readonly liveness?: Liveness;
  readonly last_seen?: string;
}

/** A small first page is on screen soonest; large later ones need few requests. */
const firstPage = 100;
const laterPages = 1000;
const longestWaitMs = 15_000;
/** Three times the server's keep-alive interval. */
const longestSilenceMs = 45_000;
/** Changed machines are collected for this time and then read together. */
const gatherMs = 200;
/** The interval of reading the visible machines again: a heartbeat alone causes no event. */
const seenEveryMs = 10_000;

export const pollEveryMs = 15_000;

export class Live {
  readonly #session: Session;
  readonly #fleet: Fleet;
  readonly #listeners = new Set<() => void>();
  readonly #machineListeners = new Map<string, Set<() => void>>();
  readonly #workflowListeners = new Set<() => void>();
  readonly #changed = new Set<string>();
  /** The run that is reading all machines, and whether it must start over afterwards. */
  #loading: AbortSignal | undefined;
  #loadAgain = false;
  #inSight: readonly string[] = [];
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #status: LiveStatus = { load: 'loading', connection: 'connecting', conflicts: undefined };
  #stop = new AbortController();

  constructor(session: Session, fleet: Fleet) {
    this.#session = session;
    this.#fleet = fleet;
  }

  get status(): LiveStatus {
    return this.#status;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls the listener whenever the server reports a change to this machine or its workflow. */
  onMachine(id: string, listener: () => void): () => void {
    const listeners = this.#machineListeners.get(id) ?? new Set();
    this.#machineListeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#machineListeners.delete(id);
    };
  }

  /** Calls the listener when workflows changed, and when the connection came back. */
  onWorkflows(listener: () => void): () => void {
    this.#workflowListeners.add(listener);
    return () => this.#workflowListeners.delete(listener);
  }

  /** Sets the machines that are on screen, whose last_seen is kept up to date. */
  watch(ids: readonly string[]): void {
    this.#inSight = ids.slice(0, mostMachines);
    this.#refreshSoon(gatherMs);
  }

  /** Reads the conflicts again, after one was decided here. */
  conflictDecided(): Promise<void> {
    return this.#readConflicts(this.#stop.signal);
  }

  /** Starts, or restarts, reading and following. */
  start(): void {
    this.stop();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#set({ load: 'loading', problem: undefined });
    void this.#run(signal);
    this.#refreshSoon(seenEveryMs);
  }

  stop(): void {
    clearTimeout(this.#refreshTimer);
    this.#stop.abort();
  }

  #set(change: Partial<LiveStatus>): void {
    this.#status = { ...this.#status, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** Opens the event stream before reading, so that no change in between is missed. */
  async #run(signal: AbortSignal): Promise<void> {
    let lastId: string | undefined;
    let waitMs = 500;
    while (!signal.aborted) {
      try {
        const stream = await this.#session.open('/api/events', {
          signal,
          headers: lastId === undefined ? {} : { 'last-event-id': lastId },
        });
        const wasLost = this.#status.connection === 'lost';
        this.#set({ connection: 'live' });
        waitMs = 500;
        if (wasLost) this.#tellAll();
        // A resumed stream delivers all changes itself.
        if (lastId === undefined || this.#status.load === 'failed') void this.#loadAll(signal);
        for await (const event of eventsOf(stream)) {
          lastId = event.id ?? lastId;
          this.#apply(event, signal);
        }
      } catch (err) {
        if (signal.aborted || (err instanceof ApiError && err.status === 401)) return;
        if (err instanceof ApiError && err.code === 'auth.denied') return this.#poll(signal);
        if (this.#status.load !== 'ready') this.#set({ load: 'failed', problem: messageOf(err) });
      }
      this.#set({ connection: 'lost' });
      await pause(waitMs * (0.75 + Math.random() / 2), signal);
      waitMs = Math.min(2 * waitMs, longestWaitMs);
    }
  }

  /** Follows the server with a token that is limited to some machines: it gets no event and no conflict. */
  async #poll(signal: AbortSignal): Promise<void> {
    this.#set({ connection: 'polled' });
    for (;;) {
      await this.#loadAll(signal);
      await pause(pollEveryMs, signal);
      if (signal.aborted) return;
      this.#tellAll();
    }
  }

  /** Lets everything that is shown be read again: it may have failed while the server was away. */
  #tellAll(): void {
    const machines = [...this.#machineListeners.values()].flatMap((listeners) => [...listeners]);
    for (const listener of [...machines, ...this.#workflowListeners]) listener();
  }

  /** Runs one load at a time. A call during a load makes it run once more afterwards. */
  async #loadAll(signal: AbortSignal): Promise<void> {
    this.#loadAgain = this.#loading === signal;
    if (this.#loadAgain) return;
    this.#loading = signal;
    do {
      this.#loadAgain = false;
      await this.#loadOnce(signal);
    } while (this.#loadAgain && !signal.aborted);
    if (this.#loading === signal) this.#loading = undefined;
  }

  async #loadOnce(signal: AbortSignal): Promise<void> {
    const gone = new Set(this.#fleet.ids());
    try {
      if (this.#status.connection !== 'polled') void this.#readConflicts(signal);
      let next: string | null | undefined;
      for (let limit = firstPage; next !== null; limit = laterPages) {
        const page = await readMachinePage(this.#session, limit, next, signal);
        this.#fleet.put(page.machines.map(toRow));
        for (const machine of page.machines) gone.delete(machine.id);
        next = page.next_cursor;
      }
      for (const id of gone) this.#fleet.remove(id);
      this.#set({ load: 'ready', problem: undefined });
    } catch (err) {
      if (!signal.aborted) this.#set({ load: 'failed', problem: messageOf(err) });
    }
  }

  #apply(event: ParsedEvent, signal: AbortSignal): void {
    // These are the server's own events; without a field that it needs, an event has no effect.
    const data: EventData = JSON.parse(event.data);
    const id = data.machine_id;
    if (event.type === 'reset') void this.#loadAll(signal);
    if (event.type === 'reset' || event.type === 'workflow.changed') {
      for (const listener of this.#workflowListeners) listener();
    }
    if (event.type === 'conflict.changed') void this.#readConflicts(signal);
    if (id === undefined) return;
    if (event.type === 'machine.deleted') this.#fleet.remove(id);
    else if (event.type === 'machine.liveness') this.#noteLiveness(id, data);
    else if (event.type.startsWith('machine.')) this.#noteChanged(id, signal);
    for (const listener of this.#machineListeners.get(id) ?? []) listener();
  }

  #noteLiveness(id: string, { liveness, last_seen }: EventData): void {
    const row = this.#fleet.get(id);
    if (row === undefined || liveness === undefined) return;
    const lastSeenMs = last_seen === undefined ? row.lastSeenMs : Date.parse(last_seen);
    this.#fleet.put([heard(row, liveness, lastSeenMs)]);
  }

  #noteChanged(id: string, signal: AbortSignal): void {
    if (this.#changed.size === 0) {
      setTimeout(() => {
        const ids = [...this.#changed];
        this.#changed.clear();
        if (ids.length > 10 * mostMachines) void this.#loadAll(signal);
        else void this.#readAgain(ids, signal);
      }, gatherMs);
    }
    this.#changed.add(id);
  }

  /** A failure keeps the old rows; the next event or refresh brings them up to date. */
  async #readAgain(ids: readonly string[], signal: AbortSignal): Promise<void> {
    for (let i = 0; i < ids.length; i += mostMachines) {
      const some = ids.slice(i, i + mostMachines);
      const machines = await readMachines(this.#session, some, signal).catch(() => []);
      this.#fleet.put(machines.map(toRow));
    }
  }

  #refreshSoon(ms: number): void {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => void this.#refreshInSight(), ms);
  }

  async #refreshInSight(): Promise<void> {
    const { signal } = this.#stop;
    if (document.visibilityState === 'visible') await this.#readAgain(this.#inSight, signal);
    if (!signal.aborted) this.#refreshSoon(seenEveryMs);
  }

  async #readConflicts(signal: AbortSignal): Promise<void> {
    try {
      const all = await readConflicts(this.#session, signal);
      this.#set({ conflicts: all.filter((conflict) => conflict.resolution === null) });
    } catch (err) {
      if (!signal.aborted) this.#set({ conflicts: undefined, problem: messageOf(err) });
    }
  }
}

/** Yields the events of a stream until it ends. The server never stays silent for long, so silence
 *  means that the connection is lost, as after a laptop woke up, and ends the stream too. */
async function* eventsOf(stream: Response): AsyncGenerator<ParsedEvent> {
  const parser = new EventParser();
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  for (;;) {
    const silence = setTimeout(() => void reader.cancel(), longestSilenceMs);
    const { done, value } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    yield* parser.push(value);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
